/** Plots as SVG text: panels of bars in pairs, or of lines over a logarithmic axis, one below the other on a page. */
import type { Spread } from './spread.ts';

export interface Panel {
  readonly height: number;
  /** SVG, drawn from 0,0 with the width of the page. */
  readonly drawing: string;
}

const width = 900;
const colours = ['#1f6fb2', '#d9822b', '#3c9a5f', '#8a4fb5'] as const;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

interface TextStyle {
  readonly size?: number;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly weight?: 'bold';
  readonly colour?: string;
}

const text = (x: number, y: number, words: string, style: TextStyle = {}): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${style.size ?? 11}" text-anchor="${style.anchor ?? 'start'}"` +
  ` font-weight="${style.weight ?? 'normal'}" fill="${style.colour ?? '#222'}">${escaped(words)}</text>`;

const rect = (x: number, y: number, w: number, h: number, colour: string): string =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${w.toFixed(1)}" height="${h.toFixed(1)}" fill="${colour}"/>`;

const path = (x1: number, y1: number, x2: number, y2: number, colour: string): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${colour}"/>`;

export function page(title: string, panels: readonly Panel[]): string {
  let y = 40;
  const placed = panels.map(({ height, drawing }) => {
    const at = y;
    y += height;
    return `<g transform="translate(0 ${at})">${drawing}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 10}" width="${width}" height="${y + 10}" font-family="sans-serif">
<rect width="100%" height="100%" fill="#fff"/>
${text(20, 26, title, { size: 15, weight: 'bold' })}
${placed.join('\n')}
</svg>
`;
}

/** Three digits, with thousands apart. */
const figure = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));

interface Bars {
  readonly heading: string;
  /** Whose bars they are, in each group in this order. */
  readonly names: readonly string[];
  readonly groups: readonly { readonly label: string; readonly bars: readonly Spread[] }[];
}

const bar = { left: 210, right: 90, height: 11, gap: 8 };

/** Horizontal bars to the median; a thin line from the least to the greatest. */
export function barPanel({ heading, names, groups }: Bars): Panel {
  const greatest = Math.max(...groups.flatMap(({ bars }) => bars.map(({ max }) => max)));
  const scale = (value: number): number => (value / greatest) * (width - bar.left - bar.right);
  const groupHeight = names.length * bar.height + bar.gap;
  const drawn = groups.map(({ label, bars }, group) => {
    const top = 40 + group * groupHeight;
    const middle = top + (names.length * bar.height) / 2;
    const shapes = bars.map(({ median, min, max }, index) => {
      const y = top + index * bar.height;
      const centre = y + bar.height / 2;
      return [
        rect(bar.left, y, scale(median), bar.height - 1, colours[index]!),
        path(bar.left + scale(min), centre, bar.left + scale(max), centre, '#444'),
        text(bar.left + scale(max) + 5, y + bar.height - 2, figure(median), { size: 10 }),
      ].join('');
    });
    return text(bar.left - 8, middle + 4, label, { anchor: 'end' }) + shapes.join('');
  });
  const height = 40 + groups.length * groupHeight + 14;
  return { height, drawing: text(20, 16, heading, { size: 13, weight: 'bold' }) + legend(names) + drawn.join('\n') };
}

const legend = (names: readonly string[]): string =>
  names
    .map((name, index) => {
      const x = bar.left + index * 170;
      return rect(x, 23, 10, 10, colours[index]!) + text(x + 15, 32, name);
    })
    .join('');

interface Lines {
  readonly heading: string;
  /** What the axis below shows; it is logarithmic. */
  readonly xName: string;
  readonly names: readonly string[];
  /** For each name its points, by rising x. */
  readonly series: readonly (readonly { readonly x: number; readonly y: Spread }[])[];
}

const plot = { left: 70, right: 30, top: 44, height: 190 };

/** Lines through the medians, from zero up; at each point a thin line from the least to the greatest. */
export function linePanel({ heading, xName, names, series }: Lines): Panel {
  const points = series.flat();
  const [least, most] = [Math.min(...points.map(({ x }) => x)), Math.max(...points.map(({ x }) => x))];
  const top = roundUp(Math.max(...points.map(({ y }) => y.max)));
  const span = Math.log10(most / least) || 1;
  const x = (value: number): number =>
    plot.left + 10 + (Math.log10(value / least) / span) * (width - plot.left - plot.right - 20);
  const y = (value: number): number => plot.top + plot.height * (1 - value / top);
  const rows = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(share * top);
    return (
      path(plot.left, at, width - plot.right, at, '#ddd') +
      text(plot.left - 6, at + 4, figure(share * top), { anchor: 'end' })
    );
  });
  const marks = [...new Set(points.map((point) => point.x))].map((value) =>
    text(x(value), plot.top + plot.height + 16, value.toLocaleString('en'), { anchor: 'middle' }),
  );
  const drawn = series.map((line, index) => {
    const colour = colours[index]!;
    const way = line.map((point) => `${x(point.x).toFixed(1)},${y(point.y.median).toFixed(1)}`).join(' ');
    const ends = line.map(
      ({ x: at, y: { min, max, median } }) =>
        path(x(at), y(min), x(at), y(max), colour) +
        `<circle cx="${x(at).toFixed(1)}" cy="${y(median).toFixed(1)}" r="3" fill="${colour}"/>` +
        text(x(at), y(max) - 5, figure(median), { anchor: 'middle', size: 10, colour }),
    );
    return `<polyline points="${way}" fill="none" stroke="${colour}" stroke-width="1.5"/>${ends.join('')}`;
  });
  const below = text((plot.left + width - plot.right) / 2, plot.top + plot.height + 34, xName, { anchor: 'middle' });
  const drawing = [
    text(20, 16, heading, { size: 13, weight: 'bold' }),
    names.length > 1 ? legend(names) : '',
    ...rows,
    ...marks,
    ...drawn,
    below,
  ].join('\n');
  return { height: plot.top + plot.height + 52, drawing };
}

/** To 1, 2 or 5 times a power of ten, with room above the highest point. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value * 1.1));
  return power * ([1, 2, 4, 5, 10].find((step) => step * power >= value * 1.1) ?? 10);
}
