// What was loaded before the script was read.
console.log(_.VERSION.length > 0, acorn.version.length > 0);
const tree = acorn.parse("const f = async (a, ...rest) => { for await (const x of a) yield_(x ** 2n, `t${rest}`) }", { ecmaVersion: "latest" });
console.log(tree.body[0].type, JSON.stringify(tree, (key, value) => typeof value === "bigint" ? `${value}n` : value).length, _.map(tree.body[0].declarations, "type"));
console.log(JSON.stringify(_.groupBy(["one", "two", "three", "four"], "length")));
console.log(_.chain([5, 3, 8, 1]).sortBy().map(n => n * n).reverse().value().join(" "));
console.log(_.template("<b><%- name %></b><% for (const i of items) { %>[<%= i %>]<% } %>")({ name: "<&>", items: [1, 2] }));
console.log(_.camelCase("some kebab-case text"), _.kebabCase("someCamelCase"), _.padStart("7", 3, "0"));
console.log(_.isEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), _.cloneDeep({ d: new Date(0) }).d.toISOString());
