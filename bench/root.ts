import { join } from "node:path";

const here = import.meta.dirname;

/** The repository, from the sources as well as from the folder that the benchmarks are compiled into. */
export const root: string = here.endsWith(join(".cache", "bench")) ? join(here, "..", "..") : join(here, "..");
