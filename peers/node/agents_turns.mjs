// The npm package `@openai/agents-realtime` holds three turns: typed, with a tool, spoken.
// It prints them as JSON.
import { readFileSync } from 'node:fs';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';

const [url, sound] = process.argv.slice(2);
const said = [];
const asked = [];
const errors = [];
let bytes = 0;
let settle;

const weather = tool({
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    asked.push(city);
    return 'rain';
  },
});
const agent = new RealtimeAgent({ name: 'Clerk', instructions: 'Be brief.', tools: [weather] });
const transport = new OpenAIRealtimeWebSocket({
  url: `${url}?model=gpt-realtime`,
  useInsecureApiKey: true,
});
const session = new RealtimeSession(agent, { model: 'gpt-realtime', transport });
session.on('error', (event) => errors.push(JSON.stringify(event)));
transport.on('audio', (event) => { bytes += event.data.byteLength; });
// The turn that only calls a tool ends as well, and says nothing.
session.on('agent_end', (_context, _agent, text) => {
  if (text) {
    said.push(text);
    settle();
  }
});
const answered = () => new Promise((resolve) => { settle = resolve; });

await session.connect({ apiKey: 'key' });
for (const text of ['Good morning', 'What is the weather?']) {
  const turn = answered();
  session.sendMessage(text);
  await turn;
}
bytes = 0;
const turn = answered();
const pcm = readFileSync(sound);
session.sendAudio(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength));
await turn;
session.close();
console.log(JSON.stringify({ said, asked, sound: bytes, errors }));
