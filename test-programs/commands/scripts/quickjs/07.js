// Text beyond ASCII, regular expressions.
const text = "Grüße, мир, 世界, 🎉 e\u0301";
console.log(text, text.length, [...text].length, text.toUpperCase(), [...text].reverse().join(""));
console.log(text.normalize("NFC") === text, "ß".localeCompare("t") < 0, "İ".toLowerCase().length, "\ud800".isWellFormed());
console.log(text.match(/\p{L}+/gu).join("|"), text.match(/\p{Emoji_Presentation}/u).index, text.codePointAt(16).toString(16));
const { groups } = /(?<year>\d{4})-(?<month>\d\d)/.exec("on 2024-05-17");
console.log(groups.year, groups.month, "a1b22".replace(/\d+/g, (d, at) => `<${d}@${at}>`), "2 x 3".replace(/(\d) x (\d)/, "$2×$1"));
console.log([..."k1=v1;k2=v2".matchAll(/(\w+)=(\w+)/g)].map(m => m.slice(1)).join("/"), /(?<=\$)\d+/.exec("cost $42")[0], /^[\p{Lu}--[A-M]]$/v.test("Z"));
console.log(encodeURIComponent("é/🎉"), decodeURIComponent("%E4%B8%96"), escape("ü"), JSON.stringify("\u2028\ud800\"\n"));
console.log("abc".at(-1), "a-b-c".replaceAll("-", "+"), "x".padStart(5, "ab"), String.raw`\n${1}`, "  t ".trim() + "|");
console.log((1234.5678).toFixed(2), (255).toString(2), (0.1 + 0.2), 1e21, 5e-324, (25).toString(36), parseFloat("3.14abc"), Number("0x1f"), -0, Object.is(-0, 0));
