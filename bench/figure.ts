/** What one process took, its start included. */
export interface Figure {
  /** Of the clock: on a shared machine the processor's seconds say more. */
  readonly seconds: number;
  /** Of the processor in the program itself, over all its threads. */
  readonly userSeconds: number;
  /** The most memory that it held at once. */
  readonly peakMegabytes: number;
  /** What it found, in a few words. */
  readonly result: string;
  /** Files in the folder that it wrote to. */
  readonly files?: number;
}

/** One line of the table. */
export interface Case {
  readonly group: string;
  readonly name: string;
  /** What the issues ask for. */
  readonly goal?: { readonly seconds?: number; readonly megabytes?: number };
  readonly run: () => Promise<Figure>;
  /** Another program that answers the same question from the same input. */
  readonly peer?: { readonly name: string; readonly run: () => Promise<Figure> };
}
