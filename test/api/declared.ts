/** What an entry of the package declares, as text: its exports, and the types beneath them that have no name outside. */
import { join } from 'node:path';
import ts from 'typescript';

export interface Declared {
  readonly name: string;
  readonly kind: 'function' | 'class' | 'type' | 'value';
  /** Without comments. */
  readonly text: string;
  /** Of its docstring. */
  readonly words: string;
  readonly examples: readonly string[];
}

const DIST = join(import.meta.dirname, '../../dist/');
const printer = ts.createPrinter({ removeComments: true });

/** Exports by name, then what they reach. */
export function declaredBy(program: ts.Program, path: string): Declared[] {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${path} is not built, or exports nothing: run npm run build`);
  const resolved = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const exported = checker
    .getExportsOfModule(module)
    .map((symbol) => [symbol.name, resolved(symbol)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const seen = new Set(exported.map(([, symbol]) => symbol));
  const reached: ts.Symbol[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && isReference(node)) {
      const found = checker.getSymbolAtLocation(node);
      const symbol = found && resolved(found);
      const declaration = symbol?.declarations?.[0];
      const ours = declaration?.getSourceFile().fileName.startsWith(DIST) === true;
      if (symbol !== undefined && ours && ts.isSourceFile(declaration.parent) && !seen.has(symbol)) {
        seen.add(symbol);
        reached.push(symbol);
      }
    }
    ts.forEachChild(node, visit);
  };
  const all: Declared[] = [];
  for (const [name, symbol] of exported) {
    all.push(declaredAs(name, symbol, checker));
    symbol.declarations?.forEach(visit);
  }
  // Grows while it is walked.
  for (const symbol of reached) symbol.declarations?.forEach(visit);
  const beneath = reached
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((symbol) => {
      const { text } = declaredAs(symbol.name, symbol, checker);
      return `// beneath: ${text.replace(/^export /, '')}`;
    });
  return all.map((each, i) => (i < all.length - 1 ? each : { ...each, text: [each.text, ...beneath].join('\n') }));
}

function isReference({ parent }: ts.Identifier): boolean {
  return ts.isTypeReferenceNode(parent) || ts.isExpressionWithTypeArguments(parent) || ts.isTypeQueryNode(parent);
}

function declaredAs(name: string, symbol: ts.Symbol, checker: ts.TypeChecker): Declared {
  const declarations = symbol.declarations ?? [];
  const statements = declarations.map((node) => (ts.isVariableDeclaration(node) ? node.parent.parent : node));
  const text = statements
    .map((node) => printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile()).replaceAll('declare ', ''))
    .join('\n');
  const tags = symbol.getJsDocTags(checker).filter((tag) => tag.name === 'example');
  const examples = tags.flatMap((tag) =>
    [...ts.displayPartsToString(tag.text).matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code),
  );
  const words = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
  return { name, kind: kindOf(symbol), text, words, examples };
}

function kindOf({ flags }: ts.Symbol): Declared['kind'] {
  if (flags & ts.SymbolFlags.Function) return 'function';
  if (flags & ts.SymbolFlags.Class) return 'class';
  return flags & ts.SymbolFlags.Value ? 'value' : 'type';
}
