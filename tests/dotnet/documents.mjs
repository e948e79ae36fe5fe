// Generated Word documents: paragraphs, headings, formatted runs, tables, lists; another one for each number.
import { crc32 } from 'node:zlib';

/** A zip archive whose files are stored as they are. */
function archive(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, text] of files) {
    const [path, data] = [Buffer.from(name), Buffer.from(text)];
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(20, 4);
    // 1 January 2020.
    head.writeUInt16LE(0x5021, 12);
    head.writeUInt32LE(crc32(data), 14);
    head.writeUInt32LE(data.length, 18);
    head.writeUInt32LE(data.length, 22);
    head.writeUInt16LE(path.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(20, 4);
    head.copy(entry, 6, 4, 30);
    entry.writeUInt32LE(offset, 42);
    parts.push(head, path, data);
    directory.push(entry, path);
    offset += head.length + path.length + data.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const MAIN = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main';
const TYPES = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>
<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/></Types>`;
const RELATIONS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const relations = (id, type, target) => `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="${id}" Type="${RELATIONS}/${type}" Target="${target}"/></Relationships>`;
const STYLES = `<w:styles xmlns:w="${MAIN}"><w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr>
<w:rPr><w:b/><w:sz w:val="32"/></w:rPr></w:style></w:styles>`;

/** A document by its number; `edited` changes some of its words. */
export function documentOf(number, edited = false) {
  let seed = 0x9e3779b9 ^ (number * 2654435761);
  const next = (limit) => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) % limit;
  };
  const word = (at) => {
    const text = Array.from({ length: 3 + next(7) }, () => String.fromCharCode(97 + next(26))).join('');
    return edited && at % 11 === 3 ? `new${text}` : text;
  };
  let at = 0;
  const run = () => {
    const format = ['', '<w:b/>', '<w:i/>', '<w:u w:val="single"/>', '<w:color w:val="C00000"/>'][next(5)];
    const text = Array.from({ length: 2 + next(9) }, () => word(at++)).join(' ');
    return `<w:r><w:rPr>${format}</w:rPr><w:t xml:space="preserve">${text} </w:t></w:r>`;
  };
  const paragraph = (style = '') => `<w:p><w:pPr>${style && `<w:pStyle w:val="${style}"/>`}</w:pPr>${Array.from({ length: 1 + next(4) }, run).join('')}</w:p>`;
  const table = () => `<w:tbl><w:tblPr><w:tblW w:w="5000" w:type="pct"/></w:tblPr><w:tblGrid><w:gridCol w:w="3000"/><w:gridCol w:w="3000"/></w:tblGrid>${
    Array.from({ length: 2 + next(3) }, () => `<w:tr>${Array.from({ length: 2 }, () => `<w:tc><w:tcPr><w:tcW w:w="3000" w:type="dxa"/></w:tcPr>${paragraph()}</w:tc>`).join('')}</w:tr>`).join('')
  }</w:tbl>`;
  const body = Array.from({ length: 8 + next(10) }, (_, index) => (index % 6 === 0 ? paragraph('Heading1') : index % 7 === 5 ? table() : paragraph()));
  return archive([
    ['[Content_Types].xml', TYPES],
    ['_rels/.rels', relations('rId1', 'officeDocument', 'word/document.xml')],
    ['word/document.xml', `<w:document xmlns:w="${MAIN}"><w:body>${body.join('')}<w:sectPr/></w:body></w:document>`],
    ['word/_rels/document.xml.rels', relations('rId1', 'styles', 'styles.xml')],
    ['word/styles.xml', STYLES],
  ]);
}
