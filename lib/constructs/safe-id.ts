/**
 * A construct id for any name a user's object may have. Construct ids share one plain object: names such as
 * `constructor` throw there, and names that look like integers change the order. A letter in front cures both.
 * Source: constructs 10.8.1 `lib/construct.js` (children by id), tried.
 */
export function safeId(name: string): string {
  return `p-${name.replaceAll("/", "~1").replaceAll("\n", "~2")}`;
}
