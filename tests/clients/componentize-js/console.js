console.log('log at init');
console.error('error at init');

export function run(input) {
  console.log('log', input, [1, { two: 2 }]);
  console.error('error', new Map([[input, 1]]));
  return `done ${input}`;
}
