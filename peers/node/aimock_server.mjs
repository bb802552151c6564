// aimock with three answers. Prints `listening on URL`, and runs until it is ended.
import { LLMock } from '@copilotkit/aimock';

const mock = new LLMock({ host: '127.0.0.1', port: 0, chunkSize: 8 });
mock.on(
  { predicate: (request) => request.messages.at(-1)?.role === 'tool' },
  { content: 'It rains in Oslo.' },
);
mock.onMessage('weather', { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Oslo"}' }] });
mock.onMessage('morning', { content: 'Good morning to you.' });
await mock.start();
console.log(`listening on ${mock.url.replace('http', 'ws')}/v1/realtime`);
