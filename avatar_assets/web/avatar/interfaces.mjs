// Interfaces of the avatars, as JSDoc types: a persona, what draws it, what is told of its file. No module imports this one.

/**
 * @typedef {object} Persona As the stage's protocol carries it.
 * @property {string} id
 * @property {string} name
 * @property {string} avatar stem of a file in `avatars`
 * @property {string} mood one of `acting/moods.json`
 * @property {string} colour hex
 * @property {number} liveliness 0 (hardly moves) to 2 (very much)
 * @property {string | null} [portrait] a picture in `avatars`, which stands for them until there is a body
 * @property {File} [own] a file dropped on the page, worn instead of the avatar
 * @property {number} [attempt] the page's number of that drop, returned with what became of it
 *
 * @typedef {object} AvatarRenderer What draws a person into an element: `TalkingHeadAvatar`, `VrmAvatar`, `Face2D`.
 * @property {(persona: Persona & {url?: string}) => Promise<void>} show resolves when the person can be seen; whoever was seen stays until
 *   then. `url` is that of a checked file, for the 3-D renderers. Rejects when the file cannot be drawn.
 * @property {(state: string) => void} setState what the body does: loading, idle, listening, thinking, speaking or failed
 * @property {(name: string) => void} act a stage direction, or something done by itself: see `acting/acts.mjs`
 * @property {(view: string, tallest?: number) => void} setView one of `views.mjs`; the height (m) of the tallest person in the picture, so
 *   that everybody is seen from the same distance
 * @property {(side: -1 | 0 | 1) => void} look who is looked at: somebody to the left of the picture, whoever is before it, somebody to
 *   the right
 * @property {() => CanvasImageSource | Promise<CanvasImageSource>} picture the frame that has just been drawn, which is gone when the browser
 *   has shown it; a drawn face promises it
 * @property {() => import('../lipsync/viseme-curves.mjs').Weights} weights the mouth on the screen
 * @property {number} height of the person in m; 0 before somebody is shown, and of a drawn face
 * @property {(paused: boolean) => void} pause stops drawing while another renderer is seen
 * @property {() => void} dispose
 *
 * @typedef {object} AvatarViewOptions
 * @property {() => import('../lipsync/viseme-curves.mjs').Weights} mouth asked once a frame
 * @property {(face: '3d' | '2d', reason: string) => void} onFace called when it is known which kind of face it is, and when the other
 *   takes over
 * @property {(event: AvatarFileEvent) => void} onFile called when a dropped file was shown or refused, and when an avatar's file has faults
 *
 * @typedef {object} AvatarFileEvent What became of a file.
 * @property {string} persona id
 * @property {boolean} own whether the file was dropped on the page
 * @property {boolean} worn whether the person is seen in it
 * @property {number} [attempt] see `Persona`
 * @property {import('../avatar_file/report.mjs').Report} [report]
 * @property {string} [file] its name, and
 * @property {string} [code] the finding, where there is no report: without 3-D no file is read
 */

export {};
