// The settings that are changed most, as a form over the same object that the JSON shows. What is not here is in it.
import type {VNode} from 'preact';
import {json} from '../shared/api';
import {Choice, Flag, Num, Rows, Share, Words} from './fields';
import {useLoad} from './parts';

export interface SearchSettings {
  searchable: {name: string; weight: number; language: string; typos: boolean}[];
  language: string;
  languages: string[];
  facets: {name: string; order: string; values_max: number; first?: string[]}[];
  ranking: {name: string; descending: boolean}[];
  typo: {enabled: boolean; one_edit_from: number; two_edits_from: number; numbers: boolean; words_excluded: string[]};
  stop_words: string[];
  language_stop_words: boolean;
  prefix: boolean;
  distinct: string;
  distinct_count: number;
  semantic_weight: number;
  popularity_weight: number;
  intent_weight: number;
  click_weight: number;
  click_swaps: number;
  click_exploration: number;
  relaxation: string;
  suggestions_hidden: string[];
  [more: string]: unknown;
}

const LANGUAGES: Record<string, string> = {
  auto: 'as the shop', none: 'none (codes)', en: 'English', de: 'German', nl: 'Dutch', sv: 'Swedish', no: 'Norwegian', da: 'Danish', fi: 'Finnish', fr: 'French', es: 'Spanish',
  it: 'Italian', pt: 'Portuguese', ro: 'Romanian', hu: 'Hungarian', tr: 'Turkish', ru: 'Russian', el: 'Greek', ar: 'Arabic', zh: 'Chinese', ja: 'Japanese', ko: 'Korean', th: 'Thai',
};
const RELAXATIONS: Record<string, string> = {
  none: 'show nothing', words: 'most words are enough', 'last-words': 'drop words from the end', 'first-words': 'drop words from the beginning', any: 'one word is enough',
};

// Names of attributes that the catalogue has, from its first products: what is offered while a name is typed.
async function attributeNames(): Promise<string[]> {
  const {items} = await json<{items: {attributes?: Record<string, unknown>}[]}>('POST', '/api/v1/search', {query: '', count: 50, record: false, attributes: ['*']});
  return [...new Set(items.flatMap((one) => Object.keys(one.attributes ?? {})))].sort();
}

export function RelevanceForm({settings: now, change, read}: {settings: SearchSettings; change: (next: SearchSettings) => void; read: boolean}): VNode {
  const names = useLoad(attributeNames, []);
  const set = <K extends keyof SearchSettings>(name: K, value: SearchSettings[K]): void => change({...now, [name]: value});
  const name = (label: string, value: string, put: (next: string) => void): VNode =>
    <input class="short" aria-label={label} value={value} list="attribute-names" readOnly={read} spellcheck={false} onInput={(event) => put(event.currentTarget.value)} />;
  return (
    <div class="form">
      <datalist id="attribute-names">{(names.data ?? []).map((one) => <option value={one} />)}</datalist>
      <section aria-label="Searched fields">
        <h3>Searched fields</h3>
        <p class="fine">A match in a field of weight 5 counts five times one of weight 1. * is every other text.</p>
        <Rows name="Field" head={['Attribute', 'Weight', 'Language', 'Typos']} list={now.searchable} read={read} change={(next) => set('searchable', next)} fresh={() => ({name: '', weight: 1, language: 'auto', typos: true})}
          row={(one, put) => [name('Attribute', one.name, (next) => put({...one, name: next})), <Num bare label={`Weight of ${one.name}`} value={one.weight} min={0.01} max={100} step="any" read={read} change={(next) => put({...one, weight: next})} />,
            <Choice bare label={`Language of ${one.name}`} value={one.language} among={LANGUAGES} read={read} change={(next) => put({...one, language: next})} />, <Flag bare label={`Typos in ${one.name}`} value={one.typos} read={read} change={(next) => put({...one, typos: next})} />]} />
      </section>
      <section aria-label="What counts">
        <h3>What counts</h3>
        <div class="shares">
          <Share label="Meaning" help="of vectors against words" value={now.semantic_weight} read={read} change={(next) => set('semantic_weight', next)} />
          <Share label="Popularity" help="what shoppers did lately, within the score" value={now.popularity_weight} read={read} change={(next) => set('popularity_weight', next)} />
          <Share label="Intent" help="the category and brand a query is after" value={now.intent_weight} read={read} change={(next) => set('intent_weight', next)} />
          <Share label="Clicks" help="what clicks on earlier pages teach; 0: off" value={now.click_weight} read={read} change={(next) => set('click_weight', next)} />
          <Share label="Swaps" help="share of searches that exchange places, to measure looking" value={now.click_swaps} read={read} change={(next) => set('click_swaps', next)} />
          <Share label="Exploration" help="of the doubt about clicks, tried at random" value={now.click_exploration} read={read} change={(next) => set('click_exploration', next)} />
        </div>
      </section>
      <section aria-label="Order">
        <h3>Equal scores, and lists without words</h3>
        <p class="fine">In this order: a number of the product, price, created, or popularity.</p>
        <Rows name="Order" ordered head={['By', 'Largest first']} list={now.ranking} read={read} change={(next) => set('ranking', next)} fresh={() => ({name: 'popularity', descending: true})}
          row={(one, put) => [name('By', one.name, (next) => put({...one, name: next})), <Flag bare label={`${one.name}: largest first`} value={one.descending} read={read} change={(next) => put({...one, descending: next})} />]} />
      </section>
      <section aria-label="Facets">
        <h3>Facets</h3>
        <Rows name="Facet" ordered head={['Attribute', 'Values', 'At most', 'Always first']} list={now.facets} read={read} change={(next) => set('facets', next)} fresh={(): SearchSettings['facets'][number] => ({name: '', order: 'count', values_max: 100})}
          row={(one, put) => [name('Attribute', one.name, (next) => put({...one, name: next})), <Choice bare label={`Order of ${one.name}`} value={one.order} among={{count: 'most first', alpha: 'A to Z'}} read={read} change={(next) => put({...one, order: next})} />,
            <Num bare label={`Values of ${one.name} at most`} value={one.values_max} min={1} max={1000} read={read} change={(next) => put({...one, values_max: next})} />,
            <Words bare label={`Values of ${one.name} that stand first`} value={one.first ?? []} read={read} placeholder="none" change={(next) => {
              const {first, ...rest} = one;
              void first;
              put(next.length ? {...rest, first: next} : rest);
            }} />]} />
      </section>
      <section aria-label="Typing errors">
        <h3>Typing errors</h3>
        <div class="row-form">
          <Flag label="forgiven" value={now.typo.enabled} read={read} change={(next) => set('typo', {...now.typo, enabled: next})} />
          <Num label="One, from letters" value={now.typo.one_edit_from} min={1} max={100} read={read} change={(next) => set('typo', {...now.typo, one_edit_from: next})} />
          <Num label="Two, from letters" value={now.typo.two_edits_from} min={1} max={100} read={read} change={(next) => set('typo', {...now.typo, two_edits_from: next})} />
          <Flag label="in words with digits too" value={now.typo.numbers} read={read} change={(next) => set('typo', {...now.typo, numbers: next})} />
          <Words label="Words that are right as they are" value={now.typo.words_excluded} read={read} placeholder="none" change={(next) => set('typo', {...now.typo, words_excluded: next})} />
        </div>
      </section>
      <section aria-label="Words">
        <h3>Words</h3>
        <div class="row-form">
          <Choice label="When nothing has all words" value={now.relaxation} among={RELAXATIONS} read={read} change={(next) => set('relaxation', next)} />
          <Choice label="Language of texts" value={now.language} among={{...LANGUAGES, auto: 'told by the text', none: 'none'}} read={read} change={(next) => set('language', next)} />
          <Words label="Languages there are" value={now.languages} read={read} change={(next) => set('languages', next)} />
          <Flag label="the last word may be a beginning" value={now.prefix} read={read} change={(next) => set('prefix', next)} />
          <Flag label="“the” and the like count little" value={now.language_stop_words} read={read} change={(next) => set('language_stop_words', next)} />
          <Words label="More words that count little" value={now.stop_words} read={read} placeholder="none" change={(next) => set('stop_words', next)} />
          <Words label="Words no suggestion may contain" value={now.suggestions_hidden} read={read} placeholder="none" change={(next) => set('suggestions_hidden', next)} />
        </div>
      </section>
      <section aria-label="Variants">
        <h3>Variants</h3>
        <div class="row-form">
          <label>Equal values make one product {name('Equal values make one product', now.distinct, (next) => set('distinct', next))}</label>
          <Num label="Shown of each" value={now.distinct_count} min={1} max={100} read={read} change={(next) => set('distinct_count', next)} />
        </div>
      </section>
    </div>
  );
}
