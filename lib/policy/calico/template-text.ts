/** Something in a text that a program fills in before Kubernetes sees it. */
export interface Template {
  /** As a person names it: `variable`, `template expression`. */
  readonly language: string;
  /** The text as it stands there, shortened. */
  readonly text: string;
  /** The variable's name, where the text is one variable. */
  readonly name?: string;
}

const fluxVariable = /\$\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:(:?[=-])([^}]*))?\}/gu;

/**
 * A text with `${NAME}` replaced by its value. `${NAME:=default}` and `${NAME:-default}` give their default when there
 * is no value. Variables without either are left as they are.
 *
 * Source: fluxcd/kustomize-controller post-build substitution (drone/envsubst), "Post build variable substitution".
 */
export function substituteVariables(text: string, variables: Readonly<Record<string, string>>): string {
  if (!text.includes("${")) return text;
  return text.replace(fluxVariable, (whole, name: string, operator?: string, fallback?: string) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value !== undefined) return value;
    return operator === undefined ? whole : (fallback ?? "");
  });
}

/** The first variable or template expression in a text; `undefined` for plain text. */
export function findTemplate(text: string): Template | undefined {
  const variable = /\$\{\s*([A-Za-z_][A-Za-z0-9_]*)[^}]*\}/u.exec(text);
  if (variable?.[1] !== undefined) return { language: "variable", text: shorten(variable[0]), name: variable[1] };
  const expression = /\{\{.*?\}\}|\{%.*?%\}|\$\([A-Za-z_][A-Za-z0-9_]*\)|<no value>/u.exec(text);
  return expression === null ? undefined : { language: "template expression", text: shorten(expression[0]) };
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
