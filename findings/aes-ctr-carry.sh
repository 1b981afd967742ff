#!/usr/bin/env bash
# crypto-js 4.2.0, node-forge 1.4.3, aes-js 3.1.2, @noble/ciphers 2.4.0 (npm), beside Node's own OpenSSL and WebCrypto.
#
# Expected by most: AES-CTR adds to the whole block of 16 bytes, as NIST's example does, so two libraries with the same
#   key and the same random block as IV give the same stream.
# Seen: crypto-js and forge add to the last four bytes only and lose the carry; WebCrypto does what its `length` says.
#   From a random IV a stream of n blocks differs with probability n / 2^32 only: one message of 64 KiB in a million, so
#   no test finds it, and the end of that message decrypts to noise elsewhere. Output (first bytes of three blocks
#   after an IV that ends in ff ff ff fe):
#     OpenSSL aes-128-ctr     cbb23c6d 45383858 3c97b73a
#     WebCrypto, length 128   cbb23c6d 45383858 3c97b73a
#     @noble/ciphers ctr      cbb23c6d 45383858 3c97b73a
#     aes-js ctr              cbb23c6d 45383858 3c97b73a
#     WebCrypto, length 32    cbb23c6d 45383858 6b6e4db6
#     crypto-js CTR           cbb23c6d 45383858 6b6e4db6
#     forge AES-CTR           cbb23c6d 45383858 6b6e4db6
# Follows: between libraries let the last four bytes of the IV be 0 and the nonce be the twelve before, and keep a
#   message below 64 GiB; then all agree.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts \
  crypto-js@4.2.0 node-forge@1.4.3 aes-js@3.1.2 @noble/ciphers@2.4.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { createCipheriv, webcrypto } from 'node:crypto';
import { ctr } from '@noble/ciphers/aes.js';
import aes from 'aes-js';
import cryptoJs from 'crypto-js';
import forge from 'node-forge';

const key = Buffer.alloc(16, 7);
const iv = Buffer.from('000102030405060708090a0bfffffffe', 'hex');
const zeros = Buffer.alloc(48);
const words = (bytes) => cryptoJs.enc.Hex.parse(bytes.toString('hex'));

async function subtle(length) {
  const imported = await webcrypto.subtle.importKey('raw', key, 'AES-CTR', false, ['encrypt']);
  return webcrypto.subtle.encrypt({ name: 'AES-CTR', counter: iv, length }, imported, zeros);
}

function fromForge() {
  const cipher = forge.cipher.createCipher('AES-CTR', key.toString('latin1'));
  cipher.start({ iv: iv.toString('latin1') });
  cipher.update(forge.util.createBuffer(zeros.toString('latin1')));
  cipher.finish();
  return Buffer.from(cipher.output.getBytes(), 'latin1');
}

function fromCryptoJs() {
  const options = { iv: words(iv), mode: cryptoJs.mode.CTR, padding: cryptoJs.pad.NoPadding };
  return Buffer.from(cryptoJs.AES.encrypt(words(zeros), words(key), options).ciphertext.toString(), 'hex');
}

function check(title, stream, third) {
  const blocks = [0, 16, 32].map((start) => Buffer.from(stream).toString('hex', start, start + 4));
  console.log(`${title.padEnd(23)} ${blocks.join(' ')}`);
  assert.deepEqual(blocks, ['cbb23c6d', '45383858', third]);
}

const carried = '3c97b73a';
const lost = '6b6e4db6';
check('OpenSSL aes-128-ctr', createCipheriv('aes-128-ctr', key, iv).update(zeros), carried);
check('WebCrypto, length 128', await subtle(128), carried);
check('@noble/ciphers ctr', ctr(key, iv).encrypt(zeros), carried);
check('aes-js ctr', new aes.ModeOfOperation.ctr(key, new aes.Counter(iv)).encrypt(zeros), carried);
check('WebCrypto, length 32', await subtle(32), lost);
check('crypto-js CTR', fromCryptoJs(), lost);
check('forge AES-CTR', fromForge(), lost);
JS
node run.mjs
