// The pages work without this module. With it they stay where they are while files are uploaded:
// links and forms are fetched and shown in place, questions in a dialog, and uploads in a list of
// their own that goes on after a pause, a lost connection or a new login.

const SMALL = 1 << 20; // bytes; what is larger is sent so that it can be continued
const TOGETHER = 3; // uploads at a time
const FIRST_WAIT = 1; // seconds before the first new attempt; each one more takes twice as long,
const LONGEST_WAIT = 30; // up to this
const QUIET = 45000; // milliseconds without a byte moving, after which a request is given up;
const JUDGED = 900000; // so many once all was sent: the server may look at the file for long
const MAX_FILES = 20000; // of one list
const MAX_LISTED = 300; // files that the list shows: those that need somebody, then the newest
const MAX_REMEMBERED = 50; // unfinished uploads that the next page can continue
const TUS = "/__mft__/tus/";
const MEMORY = "mft-uploads";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Words.

const words = Object.fromEntries(
  all("[data-word]", one("#words").content).map((span) => [span.dataset.word, span.textContent]),
);

function word(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function announce(text) {
  one("#announcer").textContent = text;
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Pages in place.

const folder = () => one("#folder");
const here = () => folder()?.dataset.here;

async function visit(url, request = {}, { push = true } = {}) {
  let answer, text;
  try {
    answer = await fetch(url, { ...request, headers: { Accept: "text/html" } });
    text = await answer.text();
  } catch {
    announce(word("offline"));
    showProblem(word("offline"));
    uploads.goOn(); // if it was to ask for a login: a new attempt will find out
    return;
  }
  show(new DOMParser().parseFromString(text, "text/html"), answer.url, push);
}

function show(page, url, push) {
  const question = one("[data-dialog]", page);
  if (question) {
    ask(question, page.title);
    return;
  }
  closeDialog();
  const address = new URL(url);
  address.searchParams.delete("done");
  address.searchParams.delete("count");
  if (push && address.href !== location.href) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  const moved = one("#folder", page)?.dataset.here !== here();
  const kept = moved ? null : remember();
  document.title = page.title;
  for (const part of ["header", "main"]) one(part).replaceWith(document.adoptNode(one(part, page)));
  enhance();
  if (kept) restore(kept);
  else {
    scrollTo(0, 0);
    one("main").focus({ preventScroll: true });
  }
  const told = one("main .notice, main .problem");
  announce(told ? told.textContent.trim() : document.title);
  if (folder()) uploads.goOn();
}

const account = () => one("header .account")?.textContent;

function remember() {
  const active = document.activeElement;
  return {
    picked: new Set(picked().map((box) => box.value)),
    href: active?.closest?.("tbody")?.contains(active) ? active.getAttribute("href") : null,
    id: active?.id,
  };
}

function restore({ picked: names, href, id }) {
  for (const box of boxes()) box.checked = names.has(box.value);
  selectionChanged();
  const same = href ? links().find((link) => link.getAttribute("href") === href) : null;
  (same ?? (id ? document.getElementById(id) : null) ?? one("main")).focus({
    preventScroll: true,
  });
}

function showProblem(text) {
  one("main .problem.of-module")?.remove();
  const told = element("p", { className: "problem of-module", textContent: text });
  told.setAttribute("role", "alert");
  one("main h1").after(told);
}

// Questions.

const dialog = element("dialog", { id: "dialog" });
dialog.setAttribute("aria-labelledby", "question");
document.body.append(dialog);
dialog.addEventListener("close", () => {
  dialog.replaceChildren();
  if (document.activeElement === document.body) one("main").focus();
});

function ask(question, title) {
  dialog.replaceChildren(document.adoptNode(question));
  if (question.dataset.dialog === "login") one(".during-uploads", dialog).hidden = uploads.idle;
  if (!dialog.open) dialog.showModal();
  one("[autofocus]", dialog)?.focus();
  one("#new-name", dialog)?.select();
  announce(title);
}

function closeDialog() {
  if (dialog.open) dialog.close();
}

function confirmReplacing(names) {
  return new Promise((resolve) => {
    const list = element("ul", { className: "names" }, ...names.map((name) => element("li", {}, name)));
    const leave = element("button", { type: "button", textContent: word("leave-out"), autofocus: true });
    const replace = element("button", { type: "button", className: "danger", textContent: word("replace") });
    const choices = element("p", { className: "choices" }, leave, replace);
    const title = element("h1", { id: "question", textContent: word("conflict") });
    const text = element("p", { textContent: word("conflict-text") });
    dialog.replaceChildren(title, text, list, choices);
    replace.addEventListener("click", () => {
      resolve(true);
      dialog.close();
    });
    leave.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => resolve(false), { once: true });
    if (!dialog.open) dialog.showModal();
    leave.focus();
  });
}

// Links and forms.

function leadsToFolder(link) {
  const { origin, pathname, searchParams } = new URL(link.href);
  const ours = origin === location.origin && pathname.startsWith(folder().dataset.root);
  const file = !pathname.endsWith("/") || pathname.startsWith("/__mft__/");
  return ours && !file && !searchParams.has("zip");
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).click();
  const link = event.target.closest?.("a[href]");
  const plain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (!link || !plain || event.defaultPrevented || !folder()) return;
  if (dialog.contains(link)) {
    event.preventDefault();
    closeDialog();
  } else if (leadsToFolder(link)) {
    event.preventDefault();
    visit(link.href);
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (!folder() || form.closest("header") || button?.value === "download-members") return;
  event.preventDefault();
  if (form.matches(".upload")) {
    uploads.add([...one("#files").files].map((file) => [file, file.name]));
    form.reset();
    return;
  }
  const data = new FormData(form, button);
  const action = form.getAttribute("action"); // form.action is the button of that name
  visit(action, { method: "POST", body: new URLSearchParams(data) }, { push: false });
});

window.addEventListener("popstate", () => {
  if (folder()) visit(location.href, {}, { push: false });
});

// The list of a folder.

const boxes = () => all("#list tbody input[type=checkbox]");
const picked = () => boxes().filter((box) => box.checked);
const links = () => all("#list tbody a");

function selectionChanged() {
  const count = picked().length;
  const told = one("#selected");
  if (!told) return;
  told.textContent = count ? word("selected", { count }) : "";
  for (const button of all(".selection button"))
    button.disabled = !count || ("single" in button.dataset && count > 1);
  const every = one("#all");
  every.checked = count > 0 && count === boxes().length;
  every.indeterminate = count > 0 && !every.checked;
}

function press(action) {
  const button = one(`.selection button[value=${action}]`);
  if (button && !button.disabled) button.click();
}

const MOVES = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  Home: () => 0,
  End: (at, last) => last,
};
const ACTIONS = { Delete: "ask-delete", F2: "ask-rename" };

function focusedRow() {
  return document.activeElement?.closest?.("#list tbody tr") ?? null;
}

document.addEventListener("keydown", (event) => {
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  const typing = event.target.matches?.("input:not([type=checkbox]), textarea");
  if (dialog.open || !one("#list") || typing) return;
  const row = focusedRow();
  if (!modified && event.key in MOVES && (row || event.target.matches("body, main"))) {
    const rows = all("#list tbody tr");
    const at = row ? rows.indexOf(row) : -1;
    const to = MOVES[event.key](at, rows.length - 1);
    const kind = document.activeElement?.matches("input") ? "input" : "a";
    one(kind, rows[Math.min(Math.max(to, 0), rows.length - 1)]).focus();
    event.preventDefault();
  } else if (!modified && event.key === " " && row && event.target.matches("a")) {
    one("input", row).click();
    event.preventDefault();
  } else if (!modified && event.key in ACTIONS && (row || picked().length)) {
    const box = row && one("input", row);
    if (box && !picked().length) {
      box.checked = true;
      selectionChanged();
    }
    press(ACTIONS[event.key]);
    event.preventDefault();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "a" && row) {
    for (const box of boxes()) box.checked = true;
    selectionChanged();
    event.preventDefault();
  }
});

document.addEventListener("change", (event) => {
  const input = event.target;
  if (input.id === "files") input.form.requestSubmit();
  else if (input.id === "tree") {
    uploads.add([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
    input.value = "";
  } else if (input.id === "all") {
    for (const box of boxes()) box.checked = input.checked;
    selectionChanged();
  } else if (input.matches("#list tbody input")) selectionChanged();
});

function enhance() {
  for (const part of all(".with-module")) part.hidden = false;
  for (const part of all(".without-module")) part.hidden = true;
  const { lang } = document.documentElement;
  const own = navigator.languages.find((one) => one.startsWith(lang)) ?? lang; // such as en-GB
  const format = new Intl.DateTimeFormat(own, {
    dateStyle: "medium",
    timeStyle: "short",
  });
  for (const time of all("#list time")) time.textContent = format.format(new Date(time.dateTime));
  selectionChanged();
}

// Uploads: the requests.

function request(upload, method, url, headers, body) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    let timer;
    const alive = (limit = QUIET) => {
      clearTimeout(timer);
      timer = setTimeout(() => xhr.abort(), limit);
    };
    const ended = (settle, value) => () => {
      clearTimeout(timer);
      upload.request = null;
      settle(value());
    };
    upload.request = xhr;
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.setRequestHeader("Accept", "application/json");
    xhr.upload.onprogress = (event) => {
      alive();
      upload.moved(event.loaded);
    };
    xhr.upload.onload = () => alive(JUDGED);
    xhr.onload = ended(resolve, () => xhr);
    xhr.onerror = ended(reject, () => new Lost());
    xhr.onabort = ended(reject, () => new Lost());
    alive();
    xhr.send(body);
  });
}

class Lost extends Error {} // the connection; or it was given up, or paused
class Refused extends Error {
  constructor(status, told) {
    super(`status ${status}`);
    this.status = status;
    this.told = told; // by the administrator, beside the reason
  }
}

const AGAIN = new Set([0, 408, 429, 500, 502, 503, 504]);

function check(xhr, ...expected) {
  if (expected.includes(xhr.status)) return xhr;
  if (AGAIN.has(xhr.status)) throw new Lost();
  throw new Refused(xhr.status, told(xhr));
}

function told(xhr) {
  try {
    const [, ...words] = JSON.parse(xhr.responseText).errors[0].message.split(": ");
    return words.join(": ");
  } catch {
    return "";
  }
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

const quoted = (names) => names.map(encodeURIComponent).join("/");

// What was begun and not finished, so that the next page can go on with the same file.
const memory = {
  read() {
    try {
      return JSON.parse(localStorage.getItem(MEMORY) ?? "[]");
    } catch {
      return [];
    }
  },
  write(entries) {
    try {
      localStorage.setItem(MEMORY, JSON.stringify(entries.slice(-MAX_REMEMBERED)));
    } catch {
      // Without it, an upload that this page does not finish begins anew on the next.
    }
  },
  has: (mark) => memory.read().includes(mark),
  add: (mark) => memory.write([...memory.read().filter((one) => one !== mark), mark]),
  remove: (mark) => memory.write(memory.read().filter((one) => one !== mark)),
};

// Folders that were made, or are being made, for what is uploaded into them.
const made = new Map();

function makeFolder(upload, base, names) {
  if (!names.length) return Promise.resolve();
  const place = `${base}${quoted(names)}/`;
  if (!made.has(place)) {
    const work = makeFolder(upload, base, names.slice(0, -1)).then(async () => {
      const parent = names.length > 1 ? `${base}${quoted(names.slice(0, -1))}/` : base;
      const command = { command: "create-folder-if-missing", target: names.at(-1) };
      const body = JSON.stringify({ commands: [command] });
      const type = { "Content-Type": "application/json" };
      const told = await request(upload, "POST", parent, type, body);
      // What keeps it from being made is told by its status where it is asked for alone.
      if (told.status === 422) check(await request(upload, "PUT", place, {}), 201);
      else check(told, 200);
    });
    made.set(place, work);
    work.catch(() => made.delete(place));
  }
  return made.get(place);
}

class Upload {
  constructor(file, name, { here: base, path, resumable }) {
    this.file = file;
    this.name = name;
    this.base = base; // the URL of the folder that it was dropped on
    this.names = name.split("/");
    this.path = `${path === "/" ? "" : path}/${name}`;
    this.state = "waiting";
    this.sent = 0;
    this.wait = 0; // seconds before the next attempt
    this.account = account();
    this.resumable = resumable !== undefined && file.size > SMALL;
    this.place = null; // of the resumable upload
    this.request = null;
    this.row = null;
  }

  get mark() {
    return `${this.path} ${this.file.size} ${this.file.lastModified}`;
  }

  moved(count) {
    this.wait = 0;
    this.sent = this.offset + count;
    uploads.drawSoon(this);
  }

  async run() {
    this.offset = 0;
    await makeFolder(this, this.base, this.names.slice(0, -1));
    if (this.resumable) await this.resume();
    else await this.put();
  }

  async put() {
    const type = { "Content-Type": "application/octet-stream" };
    const answer = await request(this, "PUT", this.base + quoted(this.names), type, this.file);
    if (answer.status === 409) {
      // That is also what is said where its folder has gone.
      const folders = this.names.slice(0, -1).map((name) => `${encodeURIComponent(name)}/`);
      const folder = await request(this, "HEAD", this.base + folders.join(""), {});
      if (folder.status === 404) check(folder, 200);
    }
    check(answer, 201, 204);
  }

  async resume() {
    const headers = { "Tus-Resumable": "1.0.0" };
    const known = this.place !== null || memory.has(this.mark);
    if (this.place === null) {
      const created = await request(this, "POST", TUS, {
        ...headers,
        "Upload-Length": String(this.file.size),
        "Upload-Metadata": `path ${base64(this.path)}${known ? ",continue" : ""}`,
      });
      this.place = check(created, 201).getResponseHeader("Location");
      memory.add(this.mark);
    }
    if (known) {
      const told = await request(this, "HEAD", this.place, headers);
      if ([404, 409, 410].includes(told.status)) {
        this.place = null;
        memory.remove(this.mark);
        throw new Lost();
      }
      this.offset = Number(check(told, 200, 204).getResponseHeader("Upload-Offset"));
      this.sent = this.offset;
    }
    if (!known || this.offset < this.file.size) {
      const rest = this.offset ? this.file.slice(this.offset) : this.file;
      const patch = {
        ...headers,
        "Upload-Offset": String(this.offset),
        "Content-Type": "application/offset+octet-stream",
      };
      const answer = await request(this, "PATCH", this.place, patch, rest);
      if (answer.status === 409) throw new Lost(); // it has another offset: ask again
      check(answer, 204);
    }
    memory.remove(this.mark);
  }
}

// Uploads: the list.

const uploads = {
  list: [],
  running: new Set(),
  needsLogin: false,
  panel: null,

  get idle() {
    return !this.list.some((upload) => ["waiting", "sending", "lost"].includes(upload.state));
  },

  async add(files) {
    const place = folder();
    if (!files.length || !place || !("upload" in place.dataset)) return;
    if (this.list.length + files.length > MAX_FILES) {
      showProblem(word("too-many", { count: MAX_FILES }));
      return;
    }
    const there = new Set(boxes().map((box) => box.value));
    const tops = new Set(files.map(([, name]) => name.split("/")[0]).filter((top) => there.has(top)));
    const kept = tops.size && !(await confirmReplacing([...tops])) ? tops : new Set();
    const wanted = files.filter(([, name]) => !kept.has(name.split("/")[0]));
    this.list.push(...wanted.map(([file, name]) => new Upload(file, name, place.dataset)));
    this.next();
  },

  next() {
    if (!this.needsLogin)
      for (const upload of this.list) {
        if (this.running.size >= TOGETHER) break;
        if (upload.state === "waiting") this.send(upload);
      }
    this.draw();
  },

  async send(upload) {
    upload.state = "sending";
    this.running.add(upload);
    try {
      await upload.run();
      upload.state = "done";
      upload.sent = upload.file.size;
      upload.file = { size: upload.file.size }; // lets go of what the browser holds
    } catch (error) {
      this.failed(upload, error);
    }
    this.running.delete(upload);
    this.drawRow(upload);
    this.next();
    if (this.idle) this.finished();
  },

  failed(upload, error) {
    if (upload.state !== "sending") return; // paused or removed meanwhile
    if (error instanceof Refused && error.status === 401) {
      upload.state = "waiting";
      this.askForLogin();
    } else if (error instanceof Refused) {
      upload.state = "failed";
      // A name that cannot be used has no words of its own; other mistakes of a request have.
      const other = error.status === 400 && error.told;
      upload.why = (other ? null : words[`refused-${error.status}`]) ?? word("refused");
      if (error.status === 422 && error.told) upload.why += `: ${error.told}`;
    } else if (error instanceof Lost) {
      upload.state = "lost";
      upload.wait = Math.min(upload.wait * 2 || FIRST_WAIT, LONGEST_WAIT);
      upload.timer = setTimeout(() => this.resume(upload), upload.wait * 1000);
    } else {
      upload.state = "failed";
      upload.why = word("unreadable");
    }
  },

  pause(upload) {
    if (!["waiting", "sending", "lost"].includes(upload.state)) return;
    clearTimeout(upload.timer);
    upload.state = "paused";
    upload.request?.abort();
    this.drawRow(upload);
    this.draw();
  },

  resume(upload) {
    clearTimeout(upload.timer);
    if (!["paused", "failed", "lost"].includes(upload.state)) return;
    upload.state = "waiting";
    this.next();
  },

  resumeAll() {
    if (this.needsLogin) {
      this.needsLogin = false;
      this.askForLogin();
    }
    for (const upload of this.list) if (upload.state === "paused") this.resume(upload);
  },

  remove(upload) {
    clearTimeout(upload.timer);
    upload.state = "removed";
    upload.request?.abort();
    upload.row?.remove();
    this.list = this.list.filter((one) => one !== upload);
    this.draw();
  },

  askForLogin() {
    if (this.needsLogin) return;
    this.needsLogin = true;
    visit(location.href, {}, { push: false });
  },

  goOn() {
    if (!this.needsLogin) return;
    this.needsLogin = false;
    for (const upload of this.list)
      if (upload.account !== account() && upload.state === "waiting") {
        upload.state = "failed";
        upload.why = word("refused-403");
      }
    this.next();
  },

  finished() {
    made.clear();
    const failed = this.list.filter((upload) => upload.state === "failed").length;
    const done = this.list.filter((upload) => upload.state === "done").length;
    const key = failed ? "finished-with-failures" : "finished";
    const text = word(key, { done, failed, count: this.list.length });
    if (done && !dialog.open && this.list.some((upload) => upload.base === here()))
      visit(location.href, {}, { push: false }).then(() => announce(text));
    else announce(text);
  },

  close() {
    this.list = [];
    this.panel.hidden = true;
    document.body.classList.remove("uploading");
    one("main").focus();
  },

  // What is shown of it.

  make() {
    const title = element("h2", { id: "uploads-title", textContent: word("title") });
    const total = element("progress", { max: 1, value: 0 });
    total.setAttribute("aria-labelledby", "uploads-title");
    const buttons = {
      pauseAll: () => this.list.forEach((upload) => this.pause(upload)),
      resumeAll: () => this.resumeAll(),
      close: () => this.close(),
    };
    const texts = { pauseAll: "pause-all", resumeAll: "resume-all", close: "close" };
    const row = element("div", { className: "all" });
    for (const [name, work] of Object.entries(buttons)) {
      const button = element("button", { type: "button", className: name, textContent: word(texts[name]) });
      button.addEventListener("click", work);
      row.append(button);
    }
    const list = element("ul", { tabIndex: 0 });
    list.setAttribute("aria-labelledby", "uploads-title");
    this.panel = element("section", { id: "uploads" }, title, element("p", { className: "told" }), total, row, list);
    this.panel.setAttribute("aria-labelledby", "uploads-title");
    one("footer").before(this.panel);
  },

  makeRow(upload) {
    const bar = element("progress", { max: 1, value: 0 });
    bar.setAttribute("aria-label", word("progress-name", { name: upload.name }));
    const buttons = element("span", { className: "buttons" });
    upload.row = element(
      "li",
      {},
      element("span", { className: "name", textContent: upload.name }),
      bar,
      element("span", { className: "state" }),
      buttons,
    );
    one("ul", this.panel).prepend(upload.row);
    this.trim();
  },

  trim() {
    const rows = all("li", this.panel);
    if (rows.length <= MAX_LISTED) return;
    const old = this.list.find((upload) => upload.row && upload.state === "done");
    if (old) {
      old.row.remove();
      old.row = null;
    }
  },

  drawSoon(upload) {
    upload.dirty ??= requestAnimationFrame(() => {
      upload.dirty = null;
      this.drawRow(upload);
      this.draw();
    });
  },

  drawRow(upload) {
    if (upload.state === "removed" || !this.panel) return;
    if (!upload.row) {
      if (upload.state === "waiting" || upload.state === "done") return;
      this.makeRow(upload);
    }
    const { size } = upload.file;
    one("progress", upload.row).value = upload.state === "done" ? 1 : size ? upload.sent / size : 0;
    const state = one(".state", upload.row);
    state.classList.toggle("wrong", upload.state === "failed");
    state.textContent = {
      waiting: () => (this.needsLogin ? word("login-needed") : ""),
      sending: () => `${word("uploading")} ${Math.floor((100 * upload.sent) / (size || 1))} %`,
      lost: () => word("lost", { seconds: upload.wait }),
      paused: () => word("paused"),
      failed: () => upload.why,
      done: () => word("done"),
    }[upload.state]();
    this.drawButtons(upload);
  },

  drawButtons(upload) {
    if (upload.row.dataset.state === upload.state) return;
    upload.row.dataset.state = upload.state;
    const offered = {
      waiting: ["pause"],
      sending: ["pause"],
      lost: ["pause"],
      paused: ["resume", "remove"],
      failed: ["retry", "remove"],
      done: [],
    }[upload.state];
    const works = {
      pause: () => this.pause(upload),
      resume: () => this.resume(upload),
      retry: () => this.resume(upload),
      remove: () => this.remove(upload),
    };
    const buttons = one(".buttons", upload.row);
    const focused = buttons.contains(document.activeElement);
    buttons.replaceChildren(
      ...offered.map((name) => {
        const button = element("button", { type: "button", textContent: word(name) });
        button.setAttribute("aria-label", word(`${name}-name`, { name: upload.name }));
        button.addEventListener("click", works[name]);
        return button;
      }),
    );
    if (focused) (one("button", buttons) ?? one("ul", this.panel)).focus();
  },

  draw() {
    if (!this.list.length && !this.panel) return;
    if (!this.panel) this.make();
    this.panel.hidden = !this.list.length;
    document.body.classList.toggle("uploading", this.list.length > 0);
    const counts = { waiting: 0, sending: 0, lost: 0, paused: 0, failed: 0, done: 0 };
    let sent = 0;
    let size = 0;
    for (const upload of this.list) {
      counts[upload.state] += 1;
      sent += upload.state === "done" ? upload.file.size : upload.sent;
      size += upload.file.size;
    }
    for (const upload of this.running) this.drawRow(upload);
    const count = this.list.length;
    const told = [word("progress", { done: counts.done, count })];
    if (counts.waiting) told.push(word("waiting", { count: counts.waiting }));
    if (counts.failed) told.push(word("failed", { count: counts.failed }));
    one(".told", this.panel).textContent = told.join(", ");
    one("progress", this.panel).value = size ? sent / size : counts.done / (count || 1);
    one(".pauseAll", this.panel).hidden = this.idle;
    one(".resumeAll", this.panel).hidden = !counts.paused && !this.needsLogin;
    one(".close", this.panel).hidden = !this.idle || counts.paused > 0;
  },
};

window.addEventListener("online", () => {
  for (const upload of uploads.list) if (upload.state === "lost") uploads.resume(upload);
});

window.addEventListener("beforeunload", (event) => {
  if (!uploads.idle) event.preventDefault();
});

// Files and folders that are dropped on the page.

async function walk(entry, above, found) {
  if (found.length > MAX_FILES) return;
  const name = above + entry.name;
  if (entry.isFile) {
    found.push([await new Promise((resolve, reject) => entry.file(resolve, reject)), name]);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return;
    for (const inner of batch) await walk(inner, `${name}/`, found);
  }
}

const takesFiles = (event) => {
  const files = [...(event.dataTransfer?.types ?? [])].includes("Files");
  return files && folder() && "upload" in folder().dataset;
};

document.body.dataset.drop = word("drop-here");

document.addEventListener("dragover", (event) => {
  if (!takesFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});

document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});

document.addEventListener("drop", async (event) => {
  document.body.classList.remove("dropping");
  if (!takesFiles(event)) return;
  event.preventDefault();
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
  // All of them are taken now: they are gone once the event is over.
  const taken = items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = [];
  try {
    for (const one of taken) {
      if (one instanceof File) found.push([one, one.name]);
      else await walk(one, "", found);
    }
  } catch {
    showProblem(word("unreadable"));
    return;
  }
  uploads.add(found);
});

enhance();
