/** One line for a shell, with the reason to type it. */
export interface Command {
  /** POSIX shell, one line. */
  readonly command: string;
  /** What it does or shows, one sentence without a full stop. */
  readonly why: string;
}

/** A word that a POSIX shell takes as it is; quoted only where it must be. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
