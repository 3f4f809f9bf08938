// Sends a form's file as it is, with its way shown: <form data-upload="/where"> with an input of type file in it, and
// elements [data-progress], [data-told]. `data-then="show"`: the page is loaded again when it has been read.

function tell(form, sentence, tone, more = []) {
  const place = form.querySelector("[data-told]");
  place.hidden = false;
  place.className = tone === "bad" ? "error" : "flash";
  place.setAttribute("role", tone === "bad" ? "alert" : "status");
  const box = document.createElement("div");
  const first = document.createElement(tone === "bad" ? "strong" : "span");
  first.textContent = sentence;
  box.append(first);
  for (const line of more) {
    const said = document.createElement("p");
    said.className = "small break";
    said.textContent = line;
    box.append(said);
  }
  place.replaceChildren(box);
}

function finished(form, request) {
  let answer = {};
  try { answer = JSON.parse(request.responseText); } catch { /* a proxy's page */ }
  if (request.status >= 400) {
    tell(form, answer.detail || `The server refused the file (${request.status}).`, "bad");
  } else if (form.dataset.then === "show") {
    location.reload();
  } else {
    const refused = Object.values(answer.refused || {}).reduce((sum, count) => sum + count, 0);
    const sentence = `${answer.new} new of ${answer.given} numbers` + (refused ? `; ${refused} lines hold none.` : ".");
    tell(form, sentence, "good", answer.told || []);
  }
}

function send(form) {
  const file = form.querySelector("input[type=file]").files[0];
  if (!file) return;
  const bar = form.querySelector("[data-progress]");
  const button = form.querySelector("button:not([type=button])");
  const request = new XMLHttpRequest();
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("input[name]")) if (input.value) query.set(input.name, input.value);
  request.open("PUT", form.dataset.upload + (query.size ? `?${query}` : ""));
  request.upload.onprogress = (event) => { bar.max = event.total; bar.value = event.loaded; };
  request.upload.onload = () => bar.removeAttribute("value"); // it is being read on the other side
  request.onloadend = () => {
    bar.hidden = true;
    button.disabled = false;
    if (request.status) finished(form, request); else tell(form, "The server did not answer. Try again.", "bad");
  };
  bar.hidden = false;
  button.disabled = true;
  request.send(file);
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
  form.querySelector("button:not([type=button])").disabled = false;
}
