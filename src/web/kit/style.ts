import { Markup } from './html.js';

/** Style sheet: light or dark by the reader's setting, readable in print. */
export const style = new Markup(`
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #fff; --ink: #1b2330; --soft: #5b6678; --edge: #dfe3ea;
  --grid: #e8ebf0; --run0: #2563c9; --run1: #c2570c; --bar: #7b8aa5; }
@media (prefers-color-scheme: dark) { :root { --paper: #10141b; --card: #181e28; --ink: #e6eaf1; --soft: #9aa6b8; --edge: #2a3342;
  --grid: #252d3a; --run0: #6ea8ff; --run1: #ff9d5c; --bar: #6f7f9b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 36px; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 1.06rem; margin: 0; }
p { margin: 4px 0 12px; color: var(--soft); font-size: .92rem; max-width: 80ch; overflow-wrap: anywhere; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
section { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 18px 20px; min-width: 0; }
.wide, .figures { grid-column: 1 / -1; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(46%, 170px), 1fr)); gap: 16px; margin: 8px 0 0; }
.figures > div { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 14px 18px; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; }
.figures dd { font-size: 1.55rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures small { display: block; font-size: .85rem; font-weight: 400; color: var(--soft); }
.settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 10px 24px; margin: 10px 0 14px; }
.settings dd { overflow-wrap: anywhere; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 50%; background: currentColor; margin-right: 6px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 0 0 4px; padding: 0; font-size: .88rem; }
.key { width: 28px; height: 10px; margin-right: 6px; }
svg[role=img] { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 12px; fill: var(--soft); font-variant-numeric: tabular-nums; }
.end { text-anchor: end; } .middle, .axis { text-anchor: middle; }
.grid { stroke: var(--grid); } .rule { stroke: var(--soft); }
.run0 { color: var(--run0); } .run1 { color: var(--run1); }
.line { fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linejoin: round; }
.line.run1 { stroke-dasharray: 7 3; }
.line.faint { stroke-width: 1; stroke-dasharray: none; opacity: .28; }
.line.stairs { stroke-width: 1.6; stroke-dasharray: 1.5 3; }
.mark { fill: var(--card); stroke: currentColor; stroke-width: 2; }
.bar { fill: var(--bar); } .cell { fill: currentColor; }
.limit { stroke: var(--run1); stroke-width: 1.6; stroke-dasharray: 7 3; }
details { margin-top: 8px; }
summary { cursor: pointer; color: var(--soft); font-size: .88rem; width: fit-content; }
:focus-visible { outline: 2px solid var(--run0); outline-offset: 2px; border-radius: 4px; }
.scroll, pre { overflow: auto; max-height: 340px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .85rem; padding: 4px 0; }
th, td { padding: 5px 12px 5px 0; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th:first-child { text-align: left; } th { font-weight: 600; } tbody th { font-weight: 500; }
pre { font-size: .82rem; background: var(--paper); border-radius: 6px; padding: 12px; }
footer { padding: 20px; color: var(--soft); font-size: .85rem; }
@media (max-width: 560px) { svg text { font-size: 17px; } section, .figures > div { padding: 14px; } .figures { gap: 10px; } }
@media print { main { display: block; } section { break-inside: avoid; margin-bottom: 12px; } .scroll { max-height: none; } }
`);
