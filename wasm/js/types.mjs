// Writes wasm/js/reports.d.ts, the types of what the package returns, from the JSON Schema that
// the engine's own types give (tests/schema):
//   node wasm/js/types.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const SCHEMA = new URL('../../tests/schema/portcullis.schema.json', import.meta.url);
export const TYPES = new URL('reports.d.ts', import.meta.url);

const HEAD = '// Generated from tests/schema/portcullis.schema.json by wasm/js/types.mjs.\n';

/** What a file of rules has, which the package takes as a text. */
const RULES = ['GateRules', 'GateRule', 'GateEnd', 'GateSelector'];

/** A definition for each type of the schema, by name. */
export function types(schema) {
  const all = Object.entries(schema.$defs).filter(([name]) => !RULES.includes(name));
  const definitions = all.filter(([, type]) => !isTuple(type));
  return HEAD + definitions.map(([name, type]) => `\n${doc(type, '')}${definition(name, type)}\n`).join('');
}

export function fromCheckedInSchema() {
  return types(JSON.parse(readFileSync(SCHEMA, 'utf8')));
}

const isTuple = (type) => type.prefixItems !== undefined;

function definition(name, type) {
  if (type.type !== 'object') return `export type ${name} = ${expression(type)};`;
  return `export interface ${name} {\n${fields(type)}}`;
}

function fields({ properties, required = [] }) {
  // The schema's fields are sorted; those that are always there are named in the order of the type.
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  const field = (mark) => (name) => {
    const type = properties[name];
    return `${doc(type, '  ')}  ${name}${mark}: ${expression(type)};\n`;
  };
  return [...required.map(field('')), ...optional.map(field('?'))].join('');
}

function expression(type) {
  if (type.$ref) return type.$ref.replace('#/$defs/', '');
  const choices = type.oneOf ?? type.anyOf;
  if (choices) return choices.map(expression).join(' | ');
  if (type.enum) return type.enum.map((value) => `'${value}'`).join(' | ');
  if (type.const !== undefined) return `'${type.const}'`;
  return expressionOf(type.type, type);
}

function expressionOf(kind, type) {
  switch (kind) {
    case 'string':
    case 'boolean':
      return kind;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `${expression(type.items)}[]`;
    case 'object':
      return `Record<string, ${expression(type.additionalProperties)}>`;
    default:
      throw new Error(`the schema has a type that wasm/js/types.mjs does not know: ${JSON.stringify(type)}`);
  }
}

function doc({ description, oneOf = [] }, indent) {
  const choices = oneOf.filter((choice) => choice.description);
  const list = choices.map((choice) => `- \`${choice.const}\`: ${choice.description}`);
  const lines = [...(description ?? '').split('\n'), ...(list.length > 0 ? ['', ...list] : [])];
  if (lines.join('') === '') return '';
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`;
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TYPES, fromCheckedInSchema());
