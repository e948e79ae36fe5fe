"""PHP, of which no snapshot can be made: here is only its row."""

ROW = {
    "runtime": "PHP 8.4",
    "page": "php.md",
    "package": "npm `@php-wasm/node-8-4`",
    "how": "refused; the page says what was tried",
    "directory": "",
}
