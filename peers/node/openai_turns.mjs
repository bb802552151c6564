// The npm package `openai` holds three turns: typed, with a tool, spoken. It prints them as JSON.
// It speaks only wss.
import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

const [url, sound] = process.argv.slice(2);
const client = new OpenAI({ apiKey: 'key', baseURL: url });
const realtime = new OpenAIRealtimeWS({ model: 'gpt-realtime' }, client);
const said = [];
const asked = [];
let heard;
let bytes = 0;
let settle;

realtime.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
realtime.on('response.output_audio.delta', (event) => {
  bytes += Buffer.from(event.delta, 'base64').length;
});
realtime.on('conversation.item.input_audio_transcription.completed', (event) => {
  heard = event.transcript;
});
realtime.on('response.done', (event) => settle(event.response.output[0]));

const done = () => new Promise((resolve) => { settle = resolve; });
const add = (item) => realtime.send({ type: 'conversation.item.create', item });
const type = (text) =>
  add({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
const answer = () => {
  const ended = done();
  realtime.send({ type: 'response.create' });
  return ended;
};
const weather = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

await new Promise((resolve) => realtime.socket.on('open', resolve));
realtime.send({
  type: 'session.update',
  session: { type: 'realtime', output_modalities: ['text'], tools: [weather] },
});
type('Good morning');
said.push((await answer()).content[0].text);

type('What is the weather?');
const call = await answer();
asked.push(JSON.parse(call.arguments).city);
add({ type: 'function_call_output', call_id: call.call_id, output: 'rain' });
said.push((await answer()).content[0].text);

realtime.send({
  type: 'session.update',
  session: {
    type: 'realtime',
    output_modalities: ['audio'],
    audio: { input: { transcription: { model: 'gpt-4o-transcribe' } } },
  },
});
const ended = done();
realtime.send({
  type: 'input_audio_buffer.append',
  audio: readFileSync(sound).toString('base64'),
});
said.push((await ended).content[0].transcript);
realtime.socket.on('close', () => {
  console.log(JSON.stringify({ said, asked, heard, sound: bytes }));
});
realtime.close();
