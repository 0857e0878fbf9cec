// A link made for watching (view_url) shows nothing that its token would be refused.

const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
document.body.dataset.scope = scopeOf(token);

/**
 * What a session's token is for; the server alone decides, this is for the eye.
 * @param {string} token a JSON Web Token, or nothing
 * @returns {string}
 */
function scopeOf(token) {
  try {
    const content = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return String(JSON.parse(atob(content)).scope);
  } catch {
    return "control";
  }
}
