const squares = new Map();
for (let i = 0; i < 100; i++) squares.set(`k${i}`, i * i);

addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  const answer = { path: url.pathname, square: squares.get(url.searchParams.get('k')) };
  event.respondWith(new Response(JSON.stringify(answer), { headers: { 'content-type': 'application/json' } }));
});
