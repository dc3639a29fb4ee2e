import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Colours a text, or leaves it as it is. Decided once, by the stream that it goes to. */
export type Paint = (style: Style, text: string) => string;

/** A painter for a terminal, or one that changes nothing. */
export function createPaint(useColor: boolean): Paint {
  return useColor ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}
