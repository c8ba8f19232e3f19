// What this tab keeps, and forgets when it is closed: the key, and what was asked.

const MOST = 20;
const [KEY, ENTRIES] = ["lift.key", "lift.entries"];

export class Kept {
  constructor() {
    this.entries = JSON.parse(sessionStorage.getItem(ENTRIES) ?? "[]");
  }

  get key() {
    return sessionStorage.getItem(KEY);
  }

  set key(value) {
    sessionStorage.setItem(KEY, value);
  }

  /** The newest comes first; the oldest go, by number and where the browser has no more room. */
  add(entry) {
    this.entries = [entry, ...this.entries].slice(0, MOST);
    while (this.entries.length && !this.stored()) this.entries.pop();
  }

  stored() {
    try {
      sessionStorage.setItem(ENTRIES, JSON.stringify(this.entries));
      return true;
    } catch {
      return false;
    }
  }
}
