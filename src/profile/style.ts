/**
 * The look of a report. Colours repeat what words say. Those of bars stand out from the page by 3 to 1 and text by 4.5 to 1, in light and
 * dark (`test/profile/style.test.ts`). A table that is wider than its place keeps a width at which it scrolls, so that the hint is there
 * exactly then.
 */
export const STYLE: string = `
:root { color-scheme: light dark;
  --page: #ffffff; --card: #f4f5f7; --ink: #1b1f24; --soft: #57606a; --rule: #d8dde3; --shade: #1b1f2466;
  --products: #2456d6; --arithmetic: #0b7a75; --comparisons: #8250c4; --randomness: #9a6700; --frames: #4f6272;
  --messages: #c2410c; --core: #b0195f; --waiting: #868d95; --main: #bcd0fb; --other: #dfe3e8; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171b; --card: #1d2127; --ink: #e6e9ed; --soft: #9aa4af; --rule: #383f48; --shade: #000000cc;
  --products: #7aa2ff; --arithmetic: #2fb8ae; --comparisons: #b48cf2; --randomness: #d9a441; --frames: #8fa3b8;
  --messages: #f2804a; --core: #f06fa8; --waiting: #737b85; --main: #2b4a94; --other: #333a43; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.2rem 1rem 3rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .2rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
p { margin: .4rem 0; }
.soft, figcaption, small { color: var(--soft); font-size: .875rem; }
.card { background: var(--card); border-radius: .6rem; padding: .7rem 1.1rem; margin: .7rem 0; }
.card.notice { border-left: .3rem solid var(--messages); }
.headline { font-size: 1.1rem; font-weight: 600; line-height: 1.35; margin: 0 0 .4rem; }
.card ul { margin: .3rem 0 0; font-size: .9375rem; padding-left: 1.1rem; }
.card li { margin: .1rem 0; }
.card ol { columns: 2 20rem; margin: .6rem 0 0; padding-left: 1.4rem; font-size: .875rem; }
.void { color: var(--messages); font-weight: 700; }
.run { display: flex; height: 1.8rem; border-radius: .3rem; overflow: hidden; gap: 2px; }
.run i { display: block; min-width: 1px; background: var(--other); box-shadow: inset 0 0 0 1px var(--soft); font: 600 .8rem/1.8rem system-ui, sans-serif; text-align: center; }
.run .main { background: var(--main); }
#shares th { color: var(--ink); white-space: nowrap; } #shares :is(th, td) { padding: .1rem .8rem .1rem 0; }
#shares caption { caption-side: bottom; text-align: left; color: var(--soft); padding-top: .4rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .3rem 0; } dd { margin: 0; }
.card details { font-size: .875rem; margin: .2rem 0 0; color: var(--soft); }
#shares .track { width: 60%; vertical-align: middle; padding-right: 0; }
#shares .track i { display: block; height: .9rem; min-width: 2px; border-radius: .15rem; }
.key { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .5rem 0; padding: 0; list-style: none; font-size: .875rem; }
.key li { margin: 0; }
.key i { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem; margin-right: .4rem; }
.products { background: var(--products); } .arithmetic { background: var(--arithmetic); }
.comparisons { background: var(--comparisons); } .randomness { background: var(--randomness); }
.frames { background: var(--frames); } .messages { background: var(--messages); }
.core { background: var(--core); } .waiting { background: var(--waiting); }
figure { margin: .4rem 0; }
figure svg { display: block; width: 100%; height: auto; background: none; }
.narrow { display: none; }
.sheet { container-type: inline-size; }
.hint { display: none; text-align: right; color: var(--soft); font-size: .8rem; margin: .3rem 0 0; }
.scroll { overflow-x: auto; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--products); outline-offset: 2px; }
.heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.scroll td:not(.n) { overflow-wrap: anywhere; }
.scroll { background: linear-gradient(90deg, var(--page) 30%, transparent) left / 2.5rem 100% local,
    linear-gradient(270deg, var(--page) 30%, transparent) right / 2.5rem 100% local,
    linear-gradient(90deg, var(--shade), transparent) left / .8rem 100% scroll,
    linear-gradient(270deg, var(--shade), transparent) right / .8rem 100% scroll; background-repeat: no-repeat; }
@container (max-width: 43.99rem) { .hint { display: block; } .scroll > table { min-width: 44rem; } }
@container (max-width: 53.99rem) { .broad > .hint { display: block; } .broad > .scroll > table { min-width: 54rem; } }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
td.n, th.n { text-align: right; } td.n { white-space: nowrap; }
tfoot td { font-weight: 600; }
details { margin: .5rem 0; } summary { cursor: pointer; padding: .2rem 0; }
@media (max-width: 40rem) { .wide { display: none; } .narrow { display: block; } body { padding: .8rem .8rem 2rem; }
  #shares .track { display: none; } #shares th { white-space: normal; } dl { grid-template-columns: 1fr; } dt { font-weight: 600; }
  .scroll > #expenses { min-width: 0; } .sheet:has(#expenses) .hint { display: none; }
  #expenses thead { display: none; } #expenses tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--rule); }
  #expenses td { display: inline; border: 0; padding: 0 .5rem 0 0; }
  #expenses td:first-child { display: block; font-weight: 600; } #expenses td:last-child { display: block; color: var(--soft); } }
`;
