// Runs before anything is drawn: links to a session led here before the conversation
// had a page of its own.

if (new URLSearchParams(location.search).has("session")) {
  location.replace(`talk.html${location.search}${location.hash}`);
}
