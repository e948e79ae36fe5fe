const squares = new Map();
for (let i = 0; i < 100; i++) squares.set(`k${i}`, i * i);

addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const url = new URL(request.url);
  const text = await request.text();
  const body = JSON.stringify({ path: url.pathname, square: squares.get(url.searchParams.get('k')) ?? null, text });
  return new Response(body, { status: 203, headers: { 'content-type': 'application/json', 'x-served': 'yes' } });
}
