const start = { 1: "asking whether the stage is done already", 2: "waiting for the stage before" };

const wave = {
  ...start,
  3: "the preflight of the cluster",
  4: "recording the node",
  5: "cordoning the node",
  6: "clearing the node of pods",
  7: "restarting the Cilium agent, which takes the node over",
  8: "testing the node: agent, CNI file, endpoints, canary pod",
  9: "moving the pods that are left",
  10: "uncordoning the node",
  11: "the soak, the signals, the marker",
};

/**
 * What the steps of each Job's script do, in words that fit behind "at work on" and "finished": for people who read a
 * marker. The numbers are those of the script's first comment, of its log and of the records in its marker.
 */
export const stepWords: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  "roll.sh": wave,
  "wave-gate.sh": wave,
  "undo.sh": { ...wave, 7: "restarting the Cilium agent and putting the old CNI file back" },
  "gate.sh": { ...start, 3: "the checks" },
  "agents.sh": {
    ...start,
    2: "making sure that every node is known",
    3: "waiting for the values",
    4: "restarting the operator",
    5: "restarting the agents",
    6: "looking at policies and signals",
  },
  "remove-source.sh": {
    ...start,
    2: "the proof that nothing uses the old network",
    3: "deleting the old network's objects",
    4: "the proof that the rest still talks",
  },
  "clean-nodes.sh": {
    ...start,
    2: "the proof that no pod is on the old network",
    3: "cleaning the node",
    4: "testing the node: endpoints, echo pod",
    5: "taking the old network's annotations off the node",
    6: "the signals and the marker",
  },
  "switch.sh": {
    ...start,
    2: "looking for what must be there",
    3: "stopping the old network's agents",
    4: "seeing that nobody brings them back",
    5: "cleaning a batch of nodes",
    6: "waiting for the agents of the batch",
    7: "giving every pod of the batch a new sandbox",
    8: "looking at the whole cluster",
  },
};
