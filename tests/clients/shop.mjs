// A small made-up shop, the same for every test of this folder.
import process from 'node:process';

export const products = [];
const brands = ['Acme', 'Lux', 'Nord', 'Oslo'];
const kinds = [
  ['Kettle', 'Home', 'Kitchen'], ['Teapot', 'Home', 'Kitchen'], ['Lamp', 'Home', 'Light'], ['Candle', 'Home', 'Light'],
  ['Boot', 'Shoes', 'Winter'], ['Sandal', 'Shoes', 'Summer'],
];
const colors = ['red', 'blue', 'green'];
for (let i = 0; i < 60; ++i) {
  const [kind, top, sub] = kinds[i % kinds.length];
  const brand = brands[i % brands.length];
  products.push({
    objectID: `p${i}`,
    name: `${brand} ${colors[i % 3]} ${kind} ${i}`,
    description: `A ${colors[i % 3]} ${kind.toLowerCase()} by ${brand}.\nWith two lines & <b>marks</b>.`,
    brand,
    colors: [colors[i % 3], colors[(i + 1) % 3]],
    price: 10 + i,
    rating: 1 + (i % 5),
    free_shipping: i % 2 === 0,
    sizes: [36 + (i % 4), 40],
    categories: {lvl0: top, lvl1: `${top} > ${sub}`},
    dimensions: {width: i, unit: 'cm'},
    variants: [{sku: `s${i}a`, stock: i}, {sku: `s${i}b`, stock: 0}],
    nothing: null,
    image: `https://pictures.example/${i}.png`,
  });
}
export const settings = {
  searchableAttributes: ['name', 'brand', 'categories.lvl1', 'unordered(description)'],
  attributesForFaceting: ['searchable(brand)', 'colors', 'price', 'rating', 'free_shipping', 'categories.lvl0', 'categories.lvl1',
    'filterOnly(sizes)'],
  customRanking: ['desc(rating)'],
  attributesToSnippet: ['description:4'],
  replicas: ['products_price_asc', 'virtual(products_price_desc)'],
};

// A client's error brings its whole request with it: one line is enough.
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    console.log(`FAIL ${error?.stack?.split('\n').filter((line) => !line.includes('node_modules')).slice(0, 3).join(' ')} ${error?.status ?? ''} ${error?.message?.slice(0, 200)} ${
      (error?.stackTrace ?? error?.transporterStackTrace ?? []).map(({request, response}) => `${request.method} ${request.url} ${response?.status} ${response?.content}`)}`);
    process.exit(1);
  });
}

let failed = 0;
export function check(holds, what, got) {
  if (!holds) ++failed;
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${holds || got === undefined ? '' : `: got ${JSON.stringify(got)}`}`);
}
export function same(got, wanted, what) {
  const sorted = (value) => value && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
    : Array.isArray(value) ? value.map(sorted) : value;
  check(JSON.stringify(sorted(got)) === JSON.stringify(sorted(wanted)), what, got);
}
export async function fails(promise, status, what) {
  const error = await promise.then(() => undefined, (problem) => problem);
  check(error?.status === status && typeof error.message === 'string' && error.message.length > 5, what,
    error && `${error.status} ${error.message}`);
}
export function finish() {
  console.log(failed === 0 ? 'all clients are content' : `${failed} checks failed`);
  process.exit(failed === 0 ? 0 : 1);
}
