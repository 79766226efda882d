// Another program that shares credentials.enc: the same layout on Node's own crypto, written from its description.
//
// Answers JSON lines on stdin: {op: "write", path, password, salt?, payload} and {op: "read", path, password};
// `password` is the text that is hashed (machine id and label). Like the desktop app it truncates in place.
// {op: "set", path, password, account, value} is the app's own way to save: it reads the file once, writes all of
// it from that memory ever after, and deletes a file that it can't read. {op: "restart"} forgets; both answer how
// many files have been deleted so far.
import { createCipheriv, createDecipheriv, createHash, pbkdf2Sync, randomBytes } from "node:crypto";
import { existsSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const MAGIC = Buffer.from("CRAFT01\0", "latin1");
const keys = new Map();

function keyOf(password, salt) {
  const name = `${password} ${salt.toString("hex")}`;
  if (!keys.has(name)) {
    const digest = createHash("sha256").update(password, "utf8").digest();
    keys.set(name, pbkdf2Sync(digest, salt, 100000, 32, "sha256"));
  }
  return keys.get(name);
}

function write({ path, password, salt, payload }) {
  const ours = salt ? Buffer.from(salt, "hex") : randomBytes(32);
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", keyOf(password, ours), nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(payload), "utf8"), cipher.final()]);
  const header = Buffer.alloc(92);
  MAGIC.copy(header, 0);
  ours.copy(header, 12);
  nonce.copy(header, 64);
  cipher.getAuthTag().copy(header, 76);
  writeFileSync(path, Buffer.concat([header, sealed]), { mode: 0o600 });
  return null;
}

function read({ path, password }) {
  const data = readFileSync(path);
  if (data.length < 92 || !data.subarray(0, 8).equals(MAGIC)) throw new Error("not such a file");
  const decipher = createDecipheriv("aes-256-gcm", keyOf(password, data.subarray(12, 44)), data.subarray(64, 76));
  decipher.setAuthTag(data.subarray(76, 92));
  const plain = Buffer.concat([decipher.update(data.subarray(92)), decipher.final()]);
  return JSON.parse(plain.toString("utf8"));
}

const remembered = new Map();
let deleted = 0;

function set({ path, password, account, value }) {
  if (!remembered.has(path)) {
    let payload = { version: 1, credentials: {}, metadata: { createdAt: 1, updatedAt: 1 } };
    let salt;
    if (existsSync(path)) {
      try {
        payload = read({ path, password });
        salt = readFileSync(path).subarray(12, 44).toString("hex");
      } catch {
        unlinkSync(path);
        deleted += 1;
      }
    }
    remembered.set(path, { payload, salt: salt ?? randomBytes(32).toString("hex") });
  }
  const { payload, salt } = remembered.get(path);
  payload.credentials[account] = { value };
  write({ path, password, salt, payload });
  return deleted;
}

function restart() {
  remembered.clear();
  return deleted;
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const asked = JSON.parse(line);
    answer = { value: { read, write, set, restart }[asked.op](asked) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
