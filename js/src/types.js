/**
 * The words that the panel and the kernel share, and the state between them; types alone.
 *
 * @typedef {{slug: string, preset: string, base_url: string, name: string, model: string, api: string,
 *   auth_header: string | null, images: string, key_variable: string, no_key: boolean, allow_http: boolean | null,
 *   ask_key: boolean}} Draft  a connection as it is being described, without its key; `slug` is the edited one's
 *
 * @typedef {{slug: string, name: string, base_url: string, wires: string[], needs_key: boolean, key_page: string,
 *   model_page: string, model_form: string, default_model: string, guessed: boolean, own_routes: string}} Preset
 *
 * @typedef {{slug: string, name: string, provider: string, preset: string, base_url: string, model: string,
 *   models: string[], wire: string, auth_header: string, key: string, key_from: string, key_variable: string,
 *   saved: boolean, here: boolean, foreign: boolean, fault: string, default: boolean, last_used: number | null,
 *   images: Record<string, boolean>, all_images: boolean | null, draft: Draft | null}} Connection
 *   `draft` is null where it can't be edited; `key` is its last four characters; `last_used` the time of the last good test, in ms since 1970
 *
 * @typedef {{presets: Preset[], connections: Connection[], target: string, can_save: boolean, where: string,
 *   stages: string[], fault: string}} Kernel  what the kernel says there is; `target` is "slug:model" or nothing,
 *   `fault` why what is saved can't be read
 *
 * @typedef {{name: string, ms: number, said: string}} Stage  a stage passed, `ms` after sending
 *
 * @typedef {{running: boolean, version: string, too_old: boolean}} Ollama
 *
 * @typedef {{id: string, context?: number | null, images?: boolean | null, price_in?: number | null,
 *   price_out?: number | null, note?: string}} Model  prices are in USD per million tokens
 *
 * @typedef {{asked: boolean, ok: boolean, models: Model[], ollama: Ollama | null, message: string, hint: string}} Listing
 *   what an endpoint lists; `asked` is one that is on its way
 *
 * @typedef {{ok: boolean, stages: Stage[], failed_at: string, kind: string, field: string, message: string,
 *   hint: string, url: string, target: string, notes: string[], key: string,
 *   instead: null | {options: string, draft: Partial<Draft>}}} Result  how a test went, or why something failed
 *
 * @typedef {{field: string, message: string, hint: string, missing: boolean}} Problem
 *
 * @typedef {{url: string, origin: string, slug: string, preset?: string, wire: string, key: string, name?: string,
 *   model?: string, problem: Problem | null}} Checked  what a draft comes to, without asking its endpoint
 *
 * @typedef {{ok: boolean, slug: string, target: string, key: string, where: string, only_here: boolean,
 *   notes: string[]}} Saved
 *
 * @typedef {{v: number, type: string, id?: number, re?: number} & Record<string, any>} Message
 *
 * @typedef {"untested" | "testing" | "ok" | "failed" | "saving" | "saved"} Phase
 *
 * @typedef {object} Form
 * @property {Draft} draft
 * @property {string} touched  the base URL that was last taken as meant
 * @property {string} at  the origin that the draft leads to, as last taken as meant
 * @property {boolean} typed  whether the key field holds something; what it holds is known to the field alone
 * @property {number} turn  counts what was typed there, so that a list asked with another key is asked anew
 * @property {boolean} shown  whether the key is readable
 * @property {{id: number, key: string} | null} held  the key of an earlier test, kept by the kernel
 * @property {string} note  what happened to what was typed
 * @property {Phase} phase
 * @property {boolean} saves  whether a test that passes is to be saved
 * @property {number | null} test  the id of the last test
 * @property {Result | null} result
 * @property {Checked | null} checked
 * @property {Saved | null} saved
 * @property {boolean} more  whether the advanced rows are open
 * @property {boolean} makesDefault
 *
 * @typedef {object} List
 * @property {string} chosen  the row that is open
 * @property {Record<string, {result: Result, at: number}>} results  how the tests of this panel went
 * @property {string[]} notes
 * @property {Result | null} failure
 *
 * @typedef {object} Combo  the list of models that is open
 * @property {"form" | "list"} place
 * @property {boolean} open
 * @property {number} active  of the options shown, or -1
 * @property {string} text  what was typed, where no draft holds it
 * @property {boolean} filters  whether what was typed narrows the list down
 *
 * @typedef {{id: number, slug: string, since: number, stages: Stage[], stopping: boolean}} Trial
 *   the test that runs: of a saved connection, or of the form's draft where there is no slug
 *
 * @typedef {object} State
 * @property {string} uid  what the ids of this view's elements begin with
 * @property {number} now  in ms since 1970, as of the last event
 * @property {"connecting" | "open" | "lost"} link
 * @property {number} hellos  how many were sent without an answer
 * @property {"form" | "list"} view
 * @property {Kernel | null} kernel
 * @property {number} next  the id of the next request
 * @property {Record<number, {kind: string, about: string}>} waiting  requests without an answer, and what for
 * @property {Record<string, Listing>} catalogs  by what they were asked with
 * @property {Trial | null} trial
 * @property {"" | "save" | "remove"} asks  what a person is asked once more
 * @property {Form} form
 * @property {List} list
 * @property {Combo} combo
 *
 * @typedef {{type: string, at: number} & Record<string, any>} Event
 *
 * @typedef {{do: "send", message: Message, key: "" | "keep" | "clear"} | {do: "clear key"} | {do: "focus", on: string}
 *   | {do: "timer", name: string, ms: number} | {do: "stop", name: string}} Effect
 *   `key` adds what the key field holds, and says what becomes of it
 *
 * @typedef {State & {effects: Effect[]}} Turn  a copy of the state that one event may change, and what is to be done
 */

export {};
