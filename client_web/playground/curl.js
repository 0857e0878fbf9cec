/**
 * The same command from a shell; the token comes from the variable TOKEN there.
 * @param {string} server such as http://127.0.0.1:8080
 * @param {string} path
 * @param {object} body
 */
export function curlOf(server, path, body) {
  return [
    `curl -X POST ${quoted(server + path)}`,
    `  -H "Authorization: Bearer $TOKEN"`,
    `  -H 'Content-Type: application/json'`,
    `  -d ${quoted(JSON.stringify(body))}`,
  ].join(" \\\n");
}

/** @param {string} text as one word of a POSIX shell */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
