/** Labels as one engine writes them. */
export type NaiveLabels = Readonly<Record<string, string>>;

type Test = (labels: NaiveLabels) => boolean;

/** Evaluates a Calico selector in text on labels in Calico's own spelling, token by token, without a tree that lasts. */
export function matchesCalicoSelector(text: string, labels: NaiveLabels): boolean {
  const tokens =
    text.match(
      /"[^"]*"|'[^']*'|has\([^)]*\)|all\(\)|global\(\)|not in\b|notin\b|starts with\b|startswith\b|ends with\b|endswith\b|in\b(?=\s*\{)|contains\b|&&|\|\||==|!=|[!(){},]|[A-Za-z0-9_./-]+/gu,
    ) ?? [];
  let at = 0;
  const take = (): string => tokens[at++] ?? "";
  const text1 = (token: string): string => token.slice(1, -1);

  const readSet = (): string[] => {
    const values: string[] = [];
    take();
    for (;;) {
      const token = take();
      if (token === "}" || token === "") return values;
      if (token !== ",") values.push(text1(token));
    }
  };
  const readTerm = (): Test => {
    const token = take();
    if (token === "!") {
      const inner = readTerm();
      return (own) => !inner(own);
    }
    if (token === "(") {
      const inner = readOr();
      take();
      return inner;
    }
    if (token === "all()" || token === "global()") return () => true;
    if (token.startsWith("has(")) {
      const key = token.slice(4, -1).trim();
      return (own) => own[key] !== undefined;
    }
    const operator = take();
    if (operator === "in" || operator === "not in" || operator === "notin") {
      const values = readSet();
      const isIn: Test = (own) => own[token] !== undefined && values.includes(own[token] ?? "");
      return operator === "in" ? isIn : (own) => !isIn(own);
    }
    const value = text1(take());
    const tests: Readonly<Record<string, Test>> = {
      "==": (own) => own[token] === value,
      "!=": (own) => own[token] !== value,
      contains: (own) => own[token]?.includes(value) ?? false,
      "starts with": (own) => own[token]?.startsWith(value) ?? false,
      startswith: (own) => own[token]?.startsWith(value) ?? false,
      "ends with": (own) => own[token]?.endsWith(value) ?? false,
      endswith: (own) => own[token]?.endsWith(value) ?? false,
    };
    return tests[operator] ?? (() => false);
  };
  const readAnd = (): Test => {
    const parts = [readTerm()];
    while (tokens[at] === "&&") {
      take();
      parts.push(readTerm());
    }
    return (own) => parts.every((part) => part(own));
  };
  const readOr = (): Test => {
    const parts = [readAnd()];
    while (tokens[at] === "||") {
      take();
      parts.push(readAnd());
    }
    return (own) => parts.some((part) => part(own));
  };

  return text.trim() === "" ? true : readOr()(labels);
}
