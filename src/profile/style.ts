/** The look of a report. Four colours tell four things apart, in charts, bars and tables alike. */
export const STYLE: string = `
:root { color-scheme: light dark;
  --page: #ffffff; --card: #f4f5f7; --ink: #1b1f24; --soft: #57606a; --rule: #d8dde3;
  --products: #2456d6; --computation: #79aee6; --messages: #e06c12; --waiting: #c3c8cf; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171b; --card: #1d2127; --ink: #e6e9ed; --soft: #9aa4af; --rule: #383f48;
  --products: #6d97ff; --computation: #33628f; --messages: #f2954a; --waiting: #565d67; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.2rem 1rem 3rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .2rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
p { margin: .4rem 0; }
.soft, figcaption, small { color: var(--soft); font-size: .875rem; }
.card { background: var(--card); border-radius: .6rem; padding: 1rem 1.1rem; margin: 1rem 0; }
.card.notice { border-left: .3rem solid var(--messages); padding: .6rem 1rem; }
.headline { font-size: 1.2rem; font-weight: 600; line-height: 1.35; margin: 0 0 .7rem; }
.card ul { margin: .7rem 0 0; padding-left: 1.1rem; }
.card li { margin: .25rem 0; }
.bar { display: flex; height: 1.6rem; border-radius: .3rem; overflow: hidden; gap: 2px; }
.bar i { display: block; min-width: 1px; }
.key { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .5rem 0; padding: 0; list-style: none; font-size: .875rem; }
.key li { margin: 0; }
.key i { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem; margin-right: .4rem; }
.products { background: var(--products); } .computation { background: var(--computation); }
.messages { background: var(--messages); } .waiting { background: var(--waiting); }
figure { margin: .4rem 0; }
figure svg { display: block; width: 100%; height: auto; background: none; }
.narrow { display: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
td.n, th.n { text-align: right; white-space: nowrap; }
tfoot td { font-weight: 600; }
details { margin: .5rem 0; } summary { cursor: pointer; padding: .2rem 0; }
@media (max-width: 40rem) { .wide { display: none; } .narrow { display: block; } body { padding: .8rem .8rem 2rem; }
  table:not(#expenses) { min-width: 30rem; }
  #expenses thead { display: none; } #expenses tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--rule); }
  #expenses td { display: inline; border: 0; padding: 0 .5rem 0 0; }
  #expenses td:first-child { display: block; font-weight: 600; } #expenses td:last-child { display: block; color: var(--soft); } }
`;
