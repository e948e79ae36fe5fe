// One start of npm's docxodus: node play_docxodus.mjs FRAMEWORK. Prints times, and hashes of what it makes of ten documents.
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { documentOf } from './documents.mjs';

const [framework] = process.argv.slice(2);
const documents = Array.from({ length: 10 }, (_, number) => new Uint8Array(documentOf(number)));
const said = [];
console.warn = (...all) => said.push(all.join(' '));
const begun = performance.now();
const { dotnet } = await import(pathToFileURL(`${framework}/dotnet.js`));
const api = await dotnet.create();
const { DocumentConverter, DocumentComparer, DocxSessionBridge } = (await api.getAssemblyExports(api.getConfig().mainAssemblyName)).DocxodusWasm;
const pages = [DocumentConverter.ConvertDocxToHtml(documents[0])];
const first = performance.now() - begun;
for (const document of documents.slice(1)) pages.push(DocumentConverter.ConvertDocxToHtml(document));

/** Without the time of the day, and random numbers by their first appearance. */
function plain(text) {
  const seen = new Map();
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?/g, 'DATE')
    .replace(/\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, (id) => seen.get(id) ?? (seen.set(id, `#${seen.size}`), `#${seen.size - 1}`));
}
const hash = (text) => createHash('sha256').update(plain(text)).digest('hex').slice(0, 16);

const compared = documents.slice(0, 3).map((document, number) => {
  const edited = new Uint8Array(documentOf(number, true));
  return DocumentComparer.CompareDocumentsToHtmlWithOptions(document, edited, 'author', true);
});
const session = DocxSessionBridge.OpenSession(documents[1], '');
const projection = DocxSessionBridge.Project(session);
const anchor = Object.keys(JSON.parse(projection).anchorIndex ?? JSON.parse(projection).AnchorIndex)[1];
const edit = DocxSessionBridge.ReplaceText(session, anchor, 'A **new** sentence.');
const saved = DocumentConverter.ConvertDocxToHtml(DocxSessionBridge.Save(session));
// Again, until the interpreter has compiled what it will.
const steady = [];
for (let round = 0; round < 8; round++) {
  const start = process.cpuUsage();
  for (const document of documents) DocumentConverter.ConvertDocxToHtml(document);
  const { user, system } = process.cpuUsage(start);
  steady.push((user + system) / 1000);
}
console.log(JSON.stringify({
  first, pages: pages.map(hash), compared: compared.map(hash), session: [projection, edit, saved].map(hash), hasNew: saved.includes('sentence'),
  lengths: pages.map(({ length }) => length), steady: Math.min(...steady), said,
}));
process.exit(0);
