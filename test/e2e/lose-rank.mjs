/**
 * Preloaded by Node into all processes and threads of a command (`lost-rank.ts`): one rank of one party ends at once, without a word, as it is about
 * to say something to another rank of its party. LOST_RANK says which (`P1.1`; `P1` is rank 0, where ranks are processes), how the label of what it
 * does not say begins, and a file: this happens while the file is there, which goes with it.
 */
import { Buffer } from 'node:buffer';
import { existsSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import process from 'node:process';
import { isMainThread, MessagePort, workerData } from 'node:worker_threads';

/** Where a label lies in a frame that begins here. */
const LABEL_AT = 24;
/** Of a frame behind the header of a WebSocket message. */
const BEFORE_FRAME = 16;

const [who, label, file] = process.env.LOST_RANK.split(' ');

/** @param bytes that may be the beginning of a frame */
function lose(bytes) {
  if (!Buffer.from(bytes.slice(0, BEFORE_FRAME + LABEL_AT + label.length)).includes(label) || !existsSync(file)) return;
  rmSync(file);
  if (isMainThread) process.kill(process.pid, 'SIGKILL');
  else process.exit(); // of this thread alone
}

if (isMainThread && process.argv.at(-1) === who) {
  const { write } = Socket.prototype;
  Socket.prototype.write = function (chunk, ...more) {
    if (typeof chunk !== 'string') lose(chunk);
    return write.call(this, chunk, ...more);
  };
}
if (!isMainThread && `${workerData?.party}.${workerData?.rank}` === who) {
  const { postMessage } = MessagePort.prototype;
  MessagePort.prototype.postMessage = function (message, ...more) {
    if (Array.isArray(message)) lose(message[0]);
    return postMessage.call(this, message, ...more);
  };
}
