/** The absolute path of the binary. */
declare const path: string;
export = path;
