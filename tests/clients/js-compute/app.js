// Built at initialization; handlers read it.
const squares = new Map();
for (let i = 0; i < 1000; i++) squares.set(`k${i}`, i * i);

addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  const answer = { method: event.request.method, path: url.pathname, square: squares.get(url.searchParams.get('k')) ?? null };
  const headers = { 'content-type': 'application/json', 'x-size': String(squares.size) };
  event.respondWith(new Response(JSON.stringify(answer), { status: answer.square === null ? 404 : 200, headers }));
});
