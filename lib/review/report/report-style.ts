/** The stylesheet of report.html: written into the page, follows the reader's light or dark setting, prints on paper. */
export const reportStyle: string = `
:root { color-scheme: light dark; --ink: #1a1d21; --soft: #5b6470; --line: #d8dde3; --ground: #fff; --panel: #f6f8fa;
  --held: #9aa4b0; --open: #b45f06; --done: #1a7f37; --rollback: #8250df; --error: #b42318; --warning: #9a6700; --info: #0a6cba; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #9aa4b0; --line: #333a42; --ground: #14171b; --panel: #1c2127;
  --held: #6b7581; --open: #e8a33d; --done: #3fb950; --rollback: #b392f0; --error: #ff7b72; --warning: #e3b341; --info: #6cb6ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem; background: var(--ground); color: var(--ink);
  font: 15px/1.55 system-ui, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.7rem; line-height: 1.25; } h2 { margin: 2.5rem 0 .75rem; font-size: 1.2rem; }
p { margin: .5rem 0; } .soft { color: var(--soft); } code, pre { font: 12.5px/1.5 ui-monospace, monospace; }
code { overflow-wrap: anywhere; } a { color: var(--info); }
nav a { margin-right: 1rem; }
.verdict { margin: 1rem 0; padding: .75rem 1rem; border-left: 4px solid var(--done); background: var(--panel); }
.verdict.blocked { border-color: var(--error); }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); margin: 1rem 0;
  border: 1px solid var(--line); }
dl.facts div { padding: .6rem .8rem; } dl.facts dt { color: var(--soft); font-size: .8rem; }
dl.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
ol.timeline { margin: 0; padding: 0; list-style: none; }
ol.timeline > li { position: relative; padding: 0 0 .9rem 1.6rem; border-left: 2px solid var(--line); margin-left: .45rem; }
ol.timeline > li::before { content: ""; position: absolute; left: -.5rem; top: .35rem; width: .85rem; height: .85rem; border-radius: 50%;
  background: var(--ground); border: 2px solid var(--held); }
ol.timeline > li.done::before { background: var(--done); border-color: var(--done); }
ol.timeline > li.open::before { background: var(--open); border-color: var(--open); }
ol.timeline > li.rollback::before { background: var(--rollback); border-color: var(--rollback); }
ol.timeline > li:last-child { border-color: transparent; padding-bottom: 0; }
.badge { display: inline-block; padding: 0 .45rem; border: 1px solid currentColor; border-radius: 1rem; font-size: .75rem; }
.held { color: var(--held); } .open { color: var(--open); } .done { color: var(--done); } .rollback { color: var(--rollback); }
li > .text, ol.timeline > li { color: var(--ink); }
.wave { color: var(--ink); display: grid; grid-template-columns: 12rem 1fr; gap: .75rem; padding: .5rem 0; border-top: 1px solid var(--line); }
.nodes { display: flex; flex-wrap: wrap; gap: 4px; align-items: start; }
.node { padding: .1rem .4rem; border: 1px solid var(--line); border-left: 4px solid var(--held); background: var(--panel);
  font: 12px/1.5 ui-monospace, monospace; }
.node.control { border-style: solid double solid solid; } .node.gone { text-decoration: line-through; }
.wave.done .node { border-left-color: var(--done); } .wave.open .node { border-left-color: var(--open); }
.wave.rollback .node { border-left-color: var(--rollback); } .wave.unmoved .node { border-left-color: transparent; }
details { border-top: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin-top: .5rem; }
.sides > div { min-width: 0; } pre { margin: .25rem 0; padding: .6rem .8rem; background: var(--panel); border: 1px solid var(--line); overflow-x: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; } th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: top; } th { color: var(--soft); font-weight: 600; font-size: .8rem; }
.severity { font-weight: 600; } .error { color: var(--error); } .warning { color: var(--warning); } .info { color: var(--info); }
@media (max-width: 48rem) { .sides, .wave { grid-template-columns: 1fr; } }
@media print { details > *:not(summary) { display: block; } nav { display: none; } }
`;
