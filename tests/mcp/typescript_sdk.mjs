// The TypeScript MCP SDK as a program, in both its lines: `sdk` (1.x) and `client` (2.x). Arguments: the
// folder it is installed in, and the line. What is said on stdin and stdout: python_sdk.py.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [folder, line] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));

const parts = {
  sdk: async () => {
    const base = '@modelcontextprotocol/sdk/client';
    const [a, b, c] = await Promise.all([
      load(`${base}/index.js`), load(`${base}/stdio.js`), load(`${base}/streamableHttp.js`)]);
    return { ...a, ...b, ...c };
  },
  client: async () => ({
    ...(await load('@modelcontextprotocol/client')), ...(await load('@modelcontextprotocol/client/stdio'))
  })
};

const say = (answer) => console.log(JSON.stringify(answer));

async function connect(to) {
  const { Client, StdioClientTransport, StreamableHTTPClientTransport } = await parts[line]();
  const transport = to.command
    ? new StdioClientTransport({ command: to.command, args: to.args, env: to.env })
    : new StreamableHTTPClientTransport(new URL(to.url), { requestInit: { headers: to.headers } });
  const mode = to.era === 'legacy' ? 'legacy' : 'auto';
  const client = new Client({ name: `test-${line}`, version: '1.0' }, { versionNegotiation: { mode } });
  await client.connect(transport, { timeout: to.timeout_s * 1000 });
  const protocol = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion ?? null;
  say({ ok: { protocol, server: client.getServerVersion()?.name ?? null } });
  return { client, options: { timeout: to.timeout_s * 1000 } };
}

let connected;
for await (const text of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(text);
  try {
    if (!connected) {
      connected = await connect(asked);
    } else if (asked.tool) {
      const { client, options } = connected;
      const call = { name: asked.tool, arguments: asked.arguments };
      say({ ok: await (line === 'sdk' ? client.callTool(call, undefined, options) : client.callTool(call, options)) });
    } else {
      say({ ok: await connected.client.listTools({}, connected.options) });
    }
  } catch (e) {
    say({ error: `${e.name}: ${e.message}` });
    if (!connected) break;
  }
}
await connected?.client.close();
process.exit(connected ? 0 : 1);
