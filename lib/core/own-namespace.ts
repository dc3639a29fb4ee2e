/** The namespace of everything that metachron runs in a cluster: Jobs, their scripts, markers, probe pods. */
export const ownNamespace = "metachron";
