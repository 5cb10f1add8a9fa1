// Gathers the strings of l10n.t('…') in src/ into l10n/bundle.l10n.json; with --check it says whether that is current.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));
const file = 'l10n/bundle.l10n.json';
const strings = new Set();

for (const path of globSync('src/**/*.ts')) {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  visit(source, source);
}
const bundle = `${JSON.stringify(Object.fromEntries([...strings].sort().map((text) => [text, text])), null, 2)}\n`;

if (!process.argv.includes('--check')) {
  writeFileSync(file, bundle);
} else if (readFileSync(file, 'utf8') !== bundle) {
  console.error(`${file} is not current: npm run l10n`);
  process.exit(1);
}

function visit(node, source) {
  if (ts.isCallExpression(node) && /(^|\.)l10n\.t$/.test(node.expression.getText(source))) {
    const [text] = node.arguments;
    if (!text || !ts.isStringLiteralLike(text))
      throw new Error(`${source.fileName}: l10n.t takes a string literal first`);
    strings.add(text.text);
  }
  ts.forEachChild(node, (child) => visit(child, source));
}
