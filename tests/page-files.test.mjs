// Files: what a dropped one is taken for.
import assert from 'node:assert/strict';
import test from 'node:test';

import { kindOf } from '../avatar_assets/web/page/files.mjs';

const FILES = {
  sound: [{ type: 'audio/wav' }, { type: '', name: 'Question.WAV' }, { type: 'audio/x-m4a', name: 'note' }, { type: 'application/ogg', name: 'a.opus' }],
  picture: [{ type: 'image/png' }, { type: '', name: 'room.jpeg' }],
  avatar: [{ type: '', name: 'me.glb' }, { type: 'model/gltf-binary' }, { type: 'text/plain', name: 'wav' }, { type: '', name: '' }],
  any: [{}, { type: '' }],
};

for (const [kind, files] of Object.entries(FILES))
  for (const file of files) test(`${JSON.stringify(file)} is ${kind}`, () => assert.equal(kindOf(file), kind));
