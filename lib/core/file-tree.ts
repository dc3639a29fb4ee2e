/** What a plan renders to: path (forward slashes, relative to the output folder) to text, sorted by path. */
export type FileTree = ReadonlyMap<string, string>;
