// Programs of the workspace, for tests in Node.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

const known = new Map();

/**
 * The path of a program, built from the sources as they are.
 *
 * As for all native tests, which need it too: asked for by its package it would be compiled once more
 * with everything that it is made of, as packages of the workspace together have more features.
 */
export function program(name) {
  if (!known.has(name)) known.set(name, built(name));
  return known.get(name);
}

function built(name) {
  const locked = process.env.CI === 'true' ? ['--locked'] : [];
  const words = ['test', '--workspace', ...locked, '--no-run', '--quiet', '--test', 'command', '--test', 'cases_engine'];
  const said = spawnSync('cargo', [...words, '--message-format', 'json'], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  const messages = said.stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const found = messages.find(({ target, executable }) => executable && target.kind.includes('bin') && target.name === name);
  if (!found) throw new Error(`cargo built no ${name}: ${said.stderr}`);
  return found.executable;
}
