// Holds Lua files to stylua.toml with StyLua as npm has it: a library without a command of its own.
// Usage: node scripts/stylua.mjs FOLDER_OF_PACKAGES check|format FILE…
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [packages, wish, ...files] = process.argv.slice(2);
const stylua = createRequire(`${packages}/`)('@johnnymorganz/stylua');
const enums = { syntax: stylua.LuaVersion, indent_type: stylua.IndentType, quote_style: stylua.QuoteStyle };

// stylua.toml is flat: a name, and a number or a quoted word that is a member of its enum.
function configuration() {
  const config = stylua.Config.new();
  for (const [, name, word, number] of readFileSync('stylua.toml', 'utf8').matchAll(/^(\w+) = (?:"(\w+)"|(\d+))$/gm)) {
    const value = word === undefined ? Number(number) : enums[name]?.[word];
    if (value === undefined || !(name in config)) throw new Error(`stylua.toml: ${name} = ${word ?? number} is unknown`);
    config[name] = value;
  }
  return config;
}

let strangers = 0;
for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const formatted = stylua.formatCode(text, configuration(), undefined, stylua.OutputVerification.Full);
  if (formatted === text) continue;
  if (wish === 'format') {
    writeFileSync(file, formatted);
    console.log(`formatted ${file}`);
  } else {
    strangers += 1;
    console.error(`would be formatted: ${file}`);
  }
}
if (strangers > 0) {
  console.error('scripts/lua format does it');
  process.exit(1);
}
