// Product pictures, drawn from what is known of an item: its kind from category or title, its colour, its style. No
// image is ever fetched. The text holds numbers and paths of this file only, so it is safe to put into a page as it is.

import {hash} from './text';

export interface Look {
  id: string;
  title: string;
  category?: string;
  color?: string;
  style?: string;
}

// Parts of a drawing on a field of 100 x 100: [tone, path]; tone m: the item's colour, d: darker, l: lighter.
type Part = readonly ['m' | 'd' | 'l', string];

const circle = (x: number, y: number, r: number): string =>
  `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
const box = (x: number, y: number, w: number, hh: number, r = 3): string =>
  `M${x + r} ${y}h${w - 2 * r}a${r} ${r} 0 0 1 ${r} ${r}v${hh - 2 * r}a${r} ${r} 0 0 1 ${-r} ${r}h${2 * r - w}a${r} ${r} 0 0 1 ${-r} ${-r}v${2 * r - hh}a${r} ${r} 0 0 1 ${r} ${-r}Z`;

const DRAWINGS: Record<string, readonly Part[]> = {
  shoe: [['m', 'M16 44c8 4 16 2 22-8l24 17c6 4 20 4 22 10v6H16Z'], ['d', box(14, 69, 72, 7)], ['l', 'M42 40l4-3 3 2-4 4ZM49 45l4-3 3 2-4 4ZM56 50l4-3 3 2-4 4Z']],
  boot: [['m', 'M36 18h26v36c4 6 22 4 22 15v5H36Z'], ['d', box(34, 72, 52, 8)], ['d', box(36, 18, 26, 8, 1)], ['l', 'M46 34h16v3H46ZM46 42h16v3H46ZM46 50h16v3H46Z']],
  sandal: [['d', 'M14 66c20-6 50-6 70-2 6 2 4 10-4 10H20c-8 0-10-6-6-8Z'], ['m', 'M40 66c6-16 22-22 32-18l6 15-8 1c-2-8-18-6-22 2Z']],
  sock: [['m', 'M40 16h24v36L44 78c-6 6-20 4-20-6 0-6 6-10 10-14l6-8Z'], ['d', box(39, 16, 26, 9, 1)], ['l', 'M40 32h24v4H40Z']],
  shirt: [['m', 'M36 20c6 8 22 8 28 0l22 12-8 18-8-4v36H30V46l-8 4-8-18Z'], ['d', 'M36 20c6 8 22 8 28 0l-4-2c-4 5-16 5-20 0Z']],
  trousers: [['m', 'M32 18h36l6 64H56l-6-42-6 42H26Z'], ['d', 'M32 18h36l1 8H31Z'], ['l', 'M49 28h2v14h-2Z']],
  coat: [['m', 'M38 16h24l20 14-4 28-8-1v28H30V57l-8 1-4-28Z'], ['d', 'M49 22h2v63h-2ZM38 16l12 12 12-12-4-2H42Z'], ['l', `${circle(55, 44, 2)}${circle(55, 56, 2)}${circle(55, 68, 2)}`]],
  hat: [['m', 'M32 56c0-34 36-34 36 0Z'], ['d', 'M12 60c10-8 66-8 76 0 0 12-76 12-76 0Z'], ['l', 'M32 50h36v6H32Z']],
  bag: [['m', box(28, 30, 44, 54, 12)], ['d', 'M38 32V24c0-12 24-12 24 0v8h-5v-8c0-6-14-6-14 0v8Z'], ['d', box(34, 56, 32, 20, 5)], ['l', box(40, 42, 20, 4, 2)]],
  headphones: [['d', 'M18 60C14 10 86 10 82 60h-7C79 22 21 22 25 60Z'], ['m', `${box(16, 54, 18, 30, 8)}${box(66, 54, 18, 30, 8)}`], ['l', `${box(29, 58, 5, 22, 2)}${box(66, 58, 5, 22, 2)}`]],
  phone: [['d', box(32, 14, 36, 72, 8)], ['m', box(35, 19, 30, 58, 4)], ['l', circle(50, 81.5, 2.4)]],
  plug: [['m', box(28, 30, 44, 34, 8)], ['d', `${box(38, 16, 6, 16, 2)}${box(56, 16, 6, 16, 2)}`], ['d', 'M46 64h8v10c0 8 16 2 16 12h-6c0-4-18 2-18-12Z'], ['l', 'M52 36 42 50h7l-2 10 11-15h-7Z']],
  keyboard: [['d', box(10, 34, 80, 34, 6)], ['m', [0, 1, 2, 3, 4, 5].map((i) => box(15 + 12 * i, 39, 9, 7, 2)).join('') + [0, 1, 2, 3, 4, 5].map((i) => box(15 + 12 * i, 48, 9, 7, 2)).join('')], ['l', box(28, 57, 44, 6, 2)]],
  mouse: [['m', box(32, 22, 36, 58, 18)], ['d', 'M49 22h2v24h-2ZM32 46h36v2H32Z'], ['l', box(47, 30, 6, 11, 3)]],
  tablet: [['d', box(24, 14, 52, 72, 7)], ['m', box(28, 19, 44, 59, 3)], ['l', 'M34 28h24v4H34ZM34 38h32v3H34ZM34 46h32v3H34ZM34 54h20v3H34Z']],
  lamp: [['m', 'M36 18h28l14 30H22Z'], ['d', 'M47 48h6v28h-6Z'], ['d', box(32, 76, 36, 7, 3)], ['l', 'M40 22h7l-5 22h-9Z']],
  fan: [['d', circle(50, 40, 27)], ['l', circle(50, 40, 23)], ['m', 'M50 40c-14-22 10-24 4-4 22-12 24 10 0 6 12 20-12 22-6 2-20 12-22-10 2-4Z'], ['d', circle(50, 40, 4)], ['d', 'M46 66h8v12h12v6H34v-6h12Z']],
  mat: [['m', 'M20 34h44c14 0 14 36 0 36H20Z'], ['d', circle(64, 52, 18)], ['l', circle(64, 52, 12)], ['d', circle(64, 52, 6)]],
  dumbbell: [['d', box(34, 46, 32, 8, 2)], ['m', `${box(22, 30, 14, 40, 4)}${box(64, 30, 14, 40, 4)}`], ['d', `${box(14, 38, 9, 24, 3)}${box(77, 38, 9, 24, 3)}`]],
  bottle: [['m', 'M40 30h20c0 8 6 8 6 16v34c0 6-32 6-32 0V46c0-8 6-8 6-16Z'], ['d', box(40, 14, 20, 14, 3)], ['l', box(34, 52, 32, 14, 1)]],
  tent: [['m', 'M50 20 88 78H12Z'], ['d', 'M50 36 66 78H34Z'], ['l', 'M50 36v42H44Z']],
  cushion: [['m', 'M22 24c18 6 38 6 56 0-6 18-6 34 0 52-18-6-38-6-56 0 6-18 6-34 0-52Z'], ['l', 'M32 34c12 3 24 3 36 0-1 3-2 6-2 9-11 3-21 3-32 0Z'], ['d', circle(50, 54, 4)]],
  bed: [['d', box(12, 28, 8, 50, 3)], ['l', box(22, 42, 24, 14, 6)], ['m', 'M20 54h66c4 0 4 16 0 16H20Z'], ['d', box(80, 60, 8, 18, 2)]],
  candle: [['m', box(34, 40, 32, 44, 4)], ['d', 'M49 30h2v10h-2Z'], ['l', 'M50 12c8 10 6 18 0 18s-8-8 0-18Z'], ['d', box(34, 56, 32, 14, 0.5)]],
  umbrella: [['m', 'M12 52c4-44 72-44 76 0-6-6-13-6-19 0-6-6-13-6-19 0-6-6-13-6-19 0-6-6-13-6-19 0Z'], ['d', 'M48 14h4v60c0 14-20 14-20 2h5c0 6 11 6 11-2Z']],
  tube: [['m', 'M34 22h32l-4 48H38Z'], ['d', box(40, 70, 20, 14, 3)], ['l', 'M42 32h16l-1 20H43Z'], ['d', box(32, 18, 36, 5, 1)]],
  perfume: [['m', box(28, 40, 44, 44, 8)], ['d', box(42, 28, 16, 12, 2)], ['d', box(38, 18, 24, 10, 3)], ['l', box(38, 52, 24, 20, 2)]],
  coffee: [['m', 'M30 24h40l6 60H24Z'], ['d', 'M30 24h40l-2-10H32Z'], ['l', circle(50, 56, 14)], ['d', 'M50 44c8 4 8 20 0 24-8-4-8-20 0-24Zm0 3c-4 6 4 12 0 18 1-6-4-12 0-18Z']],
  moka: [['m', 'M36 44h28l8 38H28Z'], ['d', 'M34 44h32v5H34Z'], ['m', 'M36 44 32 24h36l-4 20Z'], ['d', 'M66 28h16v26h-5V33H67ZM46 18h8v6h-8Z']],
  mug: [['m', box(24, 32, 44, 48, 8)], ['d', 'M68 42c20-4 20 28 0 26v-6c11 1 11-15 0-14Z'], ['l', box(30, 38, 6, 34, 3)]],
  pan: [['m', circle(40, 56, 27)], ['d', circle(40, 56, 20)], ['d', 'M60 38 84 16l6 6-24 22Z'], ['l', 'M30 48c4-6 12-8 18-5-6 0-12 2-16 8Z']],
  knife: [['l', 'M18 66 66 18c12 8 10 22 2 30L42 60 18 70Z'], ['m', 'M18 66 12 84l8 4 24-26-6-6Z'], ['d', `${circle(24, 76, 2)}${circle(31, 68, 2)}`]],
  leaf: [['m', 'M20 74C14 30 50 16 82 18c2 36-16 66-54 58Z'], ['d', 'M16 86c10-28 28-44 50-54-18 16-34 32-44 56Z']],
  sprout: [['d', 'M48 46h4v38h-4Z'], ['m', 'M48 50C24 52 18 36 18 24c22-2 30 10 30 26Z'], ['m', 'M52 42c0-18 12-26 30-24 0 14-8 26-30 24Z'], ['d', 'M26 84h48v5H26Z']],
  pot: [['m', 'M28 52h44l-6 34H34Z'], ['d', box(24, 46, 52, 9, 2)], ['l', 'M50 46c-18-6-20-20-16-30 12 6 16 16 16 30ZM50 46c0-16 8-26 20-28 2 14-6 26-20 28Z']],
  trowel: [['m', 'M50 88C34 70 34 58 38 48h24c4 10 4 22-12 40Z'], ['d', 'M47 30h6v18h-6Z'], ['d', box(43, 10, 14, 22, 6)]],
  grill: [['d', 'M30 58 20 88h6l11-30ZM70 58l10 30h-6L63 58Z'], ['m', 'M16 42h68c0 28-68 28-68 0Z'], ['d', box(12, 36, 76, 7, 3)], ['l', 'M34 30c-4-6 4-8 0-16 8 6 4 10 6 16ZM50 30c-4-6 4-8 0-16 8 6 4 10 6 16ZM66 30c-4-6 4-8 0-16 8 6 4 10 6 16Z']],
  bricks: [['m', box(14, 54, 40, 28, 2)], ['d', box(56, 54, 30, 28, 2)], ['l', box(30, 28, 42, 26, 2)], ['d', `${box(36, 22, 10, 6, 1)}${box(54, 22, 10, 6, 1)}`]],
  dice: [['m', box(18, 34, 46, 46, 8)], ['l', `${circle(30, 46, 4)}${circle(52, 46, 4)}${circle(41, 57, 4)}${circle(30, 68, 4)}${circle(52, 68, 4)}`], ['d', 'M70 20c8 0 8 12 3 14 3 10 9 26 13 46H68V48c0-8-6-10-8-12-4-8 0-16 10-16Z']],
  puzzle: [['m', 'M18 34h22c-6-14 20-14 14 0h24v20c-14-6-14 20 0 14v16H54c6-14-20-14-14 0H18V66c14 6 14-20 0-14Z'], ['l', 'M24 40h12v4H28v10h-4Z']],
  bowl: [['m', 'M16 54h68l-8 28H24Z'], ['d', 'M26 54c4-18 44-18 48 0Z'], ['l', `${circle(44, 68, 5)}${circle(56, 68, 5)}${box(44, 65, 12, 6, 1)}`]],
  bone: [['m', 'M30 40c-16-14-24 8-10 10-14 2-6 24 10 12h40c16 12 24-10 10-12 14-2 6-24-10-10Z'], ['l', box(36, 45, 28, 4, 2)]],
  cat: [['m', 'M26 20l14 12h20l14-12v38c0 32-48 32-48 0Z'], ['d', `${circle(40, 52, 4)}${circle(60, 52, 4)}M46 64h8l-4 5Z`], ['l', 'M30 28l6 5-6 4ZM70 28l-6 5 6 4Z']],
  parcel: [['m', box(20, 34, 60, 48, 3)], ['d', 'M20 34 30 20h40l10 14Z'], ['l', box(44, 20, 12, 28, 0.5)]],
};

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/rain boot|wellington|\bboot/i, 'boot'], [/sandal|slides/i, 'sandal'], [/sock/i, 'sock'],
  [/running shirt|tights|running wear|t-shirt|\btee\b|shirt/i, 'shirt'], [/jean|trouser|denim/i, 'trousers'],
  [/coat|parka|jacket|shell/i, 'coat'], [/hat/i, 'hat'], [/backpack|daypack/i, 'bag'], [/headphone|earbud/i, 'headphones'],
  [/phone case|flip case/i, 'phone'], [/charger|power bank/i, 'plug'], [/keyboard/i, 'keyboard'],
  [/\bmouse|\bmice|trackball/i, 'mouse'], [/tablet|e-reader/i, 'tablet'], [/lamp|light/i, 'lamp'], [/\bfan/i, 'fan'],
  [/mat\b|mats\b|sleeping|quilt/i, 'mat'], [/dumbbell|kettlebell/i, 'dumbbell'], [/bottle|flask|shampoo|conditioner/i, 'bottle'],
  [/tent/i, 'tent'], [/cushion|throw/i, 'cushion'], [/duvet|sheet|bed/i, 'bed'], [/candle/i, 'candle'],
  [/umbrella/i, 'umbrella'], [/sunscreen|sun spray|cream|serum|face care/i, 'tube'], [/parfum|cologne|perfume/i, 'perfume'],
  [/beans/i, 'coffee'], [/coffee maker|moka/i, 'moka'], [/\bmug|cup set/i, 'mug'], [/\bpan/i, 'pan'], [/knife|knives/i, 'knife'],
  [/tea\b/i, 'leaf'], [/seed|bulb/i, 'sprout'], [/planter|plant pot/i, 'pot'], [/pruner|trowel|garden tool/i, 'trowel'],
  [/grill/i, 'grill'], [/building|brick/i, 'bricks'], [/game/i, 'dice'], [/puzzle/i, 'puzzle'],
  [/dog food|puppy/i, 'bowl'], [/dog toy|chew/i, 'bone'], [/cat |kitten|litter|clumping/i, 'cat'],
  [/shoe|runner|sneaker|low top/i, 'shoe'],
];

const HUES: Record<string, readonly [number, number, number]> = {  // hue, saturation %, lightness %
  black: [220, 12, 26], white: [40, 18, 90], red: [4, 70, 52], navy: [222, 55, 36], forest: [148, 42, 32],
  sand: [38, 45, 68], coral: [12, 84, 66], teal: [176, 58, 36], violet: [266, 50, 58], mustard: [44, 78, 50],
  grey: [215, 9, 55], rose: [342, 62, 72],
};

export function colourOf(look: Look): readonly [number, number, number] {
  const named = look.color?.toLowerCase() ?? look.title.slice(look.title.lastIndexOf(',') + 1).trim().toLowerCase();
  return HUES[named] ?? [hash(look.id) % 360, 45, 50];
}

function pattern(name: string): string {
  const marks: readonly string[] = [
    `${circle(12, 12, 2)}${circle(36, 30, 2)}${circle(88, 22, 2)}${circle(72, 90, 2)}${circle(14, 84, 2)}${circle(92, 62, 2)}`,
    'M-10 30 30-10h6L-10 36ZM64 110l46-46v6l-40 40Z', 'M0 88c20-10 30 10 50 0s30 10 50 0v12H0Z',
    circle(86, 12, 24), 'M0 0h34L0 34Z', 'M0 72h100v3H0ZM0 80h100v2H0Z', `${circle(10, 96, 34)}`,
    'M100 100V60L60 100Z', 'M0 10h100v1.5H0ZM0 92h100v1.5H0Z', `${circle(90, 88, 7)}${circle(78, 96, 4)}${circle(8, 10, 6)}`,
    'M76 0h24v24Z', 'M8 8h8v2H8ZM8 8h2v8H8ZM84 90h8v2h-8ZM90 84h2v8h-2Z',
  ];
  return `<path d="${marks[hash(name) % marks.length]}" class="pattern" fill="currentColor" opacity="0.08"/>`;
}

// An SVG of 100 x 100 with the class "picture"; a page gives `.ground` its fill, from --hue and --sat.
export function picture(look: Look): string {
  const words = `${look.category ?? ''} ${look.title}`;
  const kind = KINDS.find(([test]) => test.test(look.title))?.[1] ?? KINDS.find(([test]) => test.test(words))?.[1];
  const [hue, sat, light] = colourOf(look);
  const tone = (l: number, c = sat): string => `hsl(${hue} ${c}% ${Math.max(8, Math.min(96, l))}%)`;
  const tones = {
    m: tone(light), d: tone(light > 60 ? light - 28 : light - 16), l: tone(light > 75 ? light - 14 : light + 26),
  };
  const style = look.style ?? look.title.split(' ').slice(2, 3).join('');
  return `<svg viewBox="0 0 100 100" aria-hidden="true" class="picture">` +
    `<rect width="100" height="100" class="ground" style="--hue:${hue};--sat:${Math.min(sat, 40)}%"/>${pattern(style)}` +
    `<ellipse cx="50" cy="89" rx="30" ry="3.5" fill="#000" opacity="0.12"/>` +
    (DRAWINGS[kind ?? 'parcel'] ?? []).map(([t, d]) => `<path d="${d}" fill="${tones[t]}"/>`).join('') + '</svg>';
}
