// Colours of the map and its symbols. Panels take theirs from styles/tokens.css; both follow the same mode.
// Symbols use the Okabe-Ito set, which people with any colour vision can tell apart; red is kept for immediate danger.
// Night-red knows only reds: there, shape and letter carry the meaning.

export type Mode = 'day' | 'dark' | 'night';

export interface Palette {
  water: string;
  land: string;
  coast: string;
  border: string;
  graticule: string;
  graticule_text: string;
  country_text: string;
  text: string;
  halo: string;
  ink: string;
  paper: string;
  aircraft: string;
  unit: string;
  site: string;
  cross: string;
  hazard: string;
  request: string;
  message: string;
  danger: string;
  own: string;
  select: string;
  triage: Record<string, string>;
}

export const palettes: Record<Mode, Palette> = {
  day: {
    water: '#cfdde6',
    land: '#f4f2ec',
    coast: '#8fa6b3',
    border: '#a59d8c',
    graticule: '#8296a2',
    graticule_text: '#4b5f6b',
    country_text: '#5d5647',
    text: '#111a21',
    halo: '#ffffff',
    ink: '#10181f',
    paper: '#ffffff',
    aircraft: '#0072b2',
    unit: '#009e73',
    site: '#ffffff',
    cross: '#0072b2',
    hazard: '#f0c000',
    request: '#cc79a7',
    message: '#7d8b96',
    danger: '#d0021b',
    own: '#0b3d66',
    select: '#0b5cad',
    triage: { red: '#d0021b', yellow: '#f0c000', green: '#009e73', black: '#10181f', grey: '#7d8b96' },
  },
  dark: {
    water: '#0d151b',
    land: '#1b252d',
    coast: '#3f5667',
    border: '#4d5b66',
    graticule: '#46596a',
    graticule_text: '#93a7b5',
    country_text: '#8b9aa5',
    text: '#eef4f8',
    halo: '#0a1015',
    ink: '#05090c',
    paper: '#f3f7fa',
    aircraft: '#56b4e9',
    unit: '#2ec49a',
    site: '#f3f7fa',
    cross: '#0072b2',
    hazard: '#f0e442',
    request: '#e39cc3',
    message: '#9fb0bc',
    danger: '#ff5348',
    own: '#9fd4ff',
    select: '#7cc4ff',
    triage: { red: '#ff5348', yellow: '#f0e442', green: '#2ec49a', black: '#3a4650', grey: '#9fb0bc' },
  },
  night: {
    water: '#050000',
    land: '#140303',
    coast: '#5a1410',
    border: '#4a100d',
    graticule: '#4a100d',
    graticule_text: '#c23a2c',
    country_text: '#a83226',
    text: '#ff5a46',
    halo: '#080000',
    ink: '#0a0000',
    paper: '#e8422f',
    aircraft: '#d23a2a',
    unit: '#a92d20',
    site: '#e8422f',
    cross: '#0a0000',
    hazard: '#ff6a55',
    request: '#c23425',
    message: '#8f261b',
    danger: '#ff7a66',
    own: '#ff6a55',
    select: '#ff8a78',
    triage: { red: '#ff7a66', yellow: '#d23a2a', green: '#a92d20', black: '#4a0f0a', grey: '#7a2017' },
  },
};
