// Two real nodes of one incident for the browser tests, the second enrolled with an invitation of the first: a command
// post and a truck that dials it. In a temporary folder, on free ports of this machine.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, Node, until } from './kit.mjs';

class RunningNode extends Node {
  static async start(program, dir, ...more) {
    const args = ['--http', '127.0.0.1:0', '--listen', '127.0.0.1:0', '--tak', 'off', ...more];
    const child = spawn(program, ['node', '--dir', dir, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    child.stderr.on('data', (text) => (said += text));
    const address = (label) => said.match(new RegExp(`${label}([0-9.]+:[0-9]+)`))?.[1];
    await until(() => said.includes('Ctrl-C stops it') || child.exitCode !== null, 'the node is up');
    check(child.exitCode === null, `the node did not start: ${said}`);
    const node = new RunningNode(`http://${address('page +http://')}`);
    return Object.assign(node, { child, peers: address('other nodes +') });
  }
  signal(name) {
    this.child.kill(name);
  }
  /** Asks it to end; whether it did so cleanly. */
  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((done) => this.child.once('exit', done));
      this.child.kill('SIGCONT');
      this.child.kill('SIGTERM');
      await ended;
    }
    return this.child.exitCode === 0;
  }
}

export async function start_pair(program) {
  const home = mkdtempSync(join(tmpdir(), 'airbridge-pair-'));
  const of = (name) => join(home, name);
  const run = (...args) => execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const nodes = [];
  const close = async () => {
    for (const node of nodes) await node.stop();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const who = ['--operator', 'Test'];
    run('init', '--dir', of('post'), '--name', 'POST 1', ...who, '--incident', 'Two nodes', '--exercise');
    run('invite', '--dir', of('post'), '--out', of('invitation'));
    run('init', '--dir', of('truck'), '--name', 'TRUCK 2', ...who, '--join', of('invitation'));
    nodes.push(await RunningNode.start(program, of('post')));
    nodes.push(await RunningNode.start(program, of('truck'), '--peer', nodes[0].peers));
    const [post, truck] = nodes;
    for (const node of nodes)
      await until(async () => {
        const { peers, unshared } = await node.get('/api/v1/status');
        return peers.length === 1 && peers[0].state === 'connected' && unshared === 0;
      }, 'both know each other and hold the same');
    const pair = { post, truck, close };
    /** Stops one of the two and starts it with these ways instead of the one by which they met. */
    pair.restart = async (name, ...ways) => {
      check(await pair[name].stop(), `the ${name} ends cleanly`);
      pair[name] = await RunningNode.start(program, of(name), ...ways);
      nodes.push(pair[name]);
    };
    return pair;
  } catch (error) {
    await close();
    throw error;
  }
}
