import { describe, expect, it } from 'vitest';
import { extractPage } from '../../../src/data/extract/extract-page.ts';

const SENTENCES = [
  'The river rose by two metres in the night, and the villages on its lower bank were cut off from the road until noon.',
  'Boats brought bread and medicine to the school, where sixty families had slept on the floor of the gymnasium.',
  'Engineers say that the dam held because its gates were opened early, on the advice of a retired lock keeper.',
  'The council decides on Thursday whether the old levee is to be rebuilt further from the water.',
];
const NAV = `<nav class="menu"><ul>${['Home', 'World', 'Sport', 'Culture', 'Weather', 'Sign in']
  .map((name) => `<li><a href="/${name}">${name}</a></li>`)
  .join('')}</ul></nav>`;
const FOOTER =
  '<footer class="site-footer"><p>© 2025 Example Media. All rights reserved.</p><a href="/p">Privacy policy</a> <a href="/t">Terms of use</a></footer>';

function page(body: string, head = ''): string {
  const title = '<title>Night of the flood | Example News</title>';
  return `<!doctype html><html lang="en"><head>${title}${head}</head><body>${NAV}${body}${FOOTER}</body></html>`;
}

const ARTICLE = page(
  `<main><article class="post"><h1>Night of the flood</h1>${SENTENCES.map((text) => `<p>${text}</p>`).join('\n')}</article></main>
  <aside class="sidebar related"><h3>Related stories</h3>
  <ul><li><a href="/a">Ten walks near you</a></li><li><a href="/b">The best umbrellas</a></li></ul></aside>`,
);

describe('extractPage()', () => {
  it('keeps the paragraphs of an article and drops menu, related links and footer', () => {
    const { text, title, pageType } = extractPage(ARTICLE, {
      url: 'https://news.example/2025/11/night-of-the-flood',
    });
    for (const sentence of SENTENCES) expect(text).toContain(sentence);
    for (const other of ['Sport', 'Ten walks near you', 'All rights reserved', 'Privacy policy']) {
      expect(text).not.toContain(other);
    }
    expect(title).toBe('Night of the flood');
    expect(pageType).toBe('article');
  });

  it('gives the same result each time, and scores of all lines when asked', () => {
    const first = extractPage(ARTICLE, { lines: true });
    expect(extractPage(ARTICLE, { lines: true })).toEqual(first);
    const kept = first.lines?.filter((line) => line.isKept).map((line) => line.text);
    expect(kept?.join('\n')).toBe(first.text);
    expect(first.lines?.find((line) => line.text === 'Sport')?.isKept).toBe(false);
  });

  it('keeps all posts of a thread', () => {
    const posts = [
      'Has anyone here replaced the pump of a 2014 washing machine? Mine hums but the water stays where it is.',
      'Check the filter under the small door first. Mine had two coins and a hair pin in it, and the pump was fine.',
      'The coins again! Thank you, it was a button this time. The machine runs as if nothing had ever happened.',
    ];
    const html = page(
      `<div class="thread">${posts
        .map(
          (text, i) =>
            `<div class="message post" id="post-${i}"><div class="user-info"><a href="/u/${i}">user${i}</a></div><div class="post-body"><p>${text}</p></div><a class="reply" href="#">Reply</a></div>`,
        )
        .join('')}</div>`,
    );
    const { text, pageType } = extractPage(html, {
      url: 'https://forum.example/t/pump-of-a-washing-machine/1234',
    });
    for (const post of posts) expect(text).toContain(post);
    expect(pageType).toBe('forum');
  });

  it('keeps code of documentation with its line ends and indents', () => {
    const code = 'def area(width, height):\n    """Of a rectangle."""\n    return width * height';
    const html = page(
      `<div class="document"><div role="main" class="body"><h1>Functions</h1>
      <p>A function is defined with the keyword def, its name and its parameters in parentheses.</p>
      <div class="highlight"><pre><span>${code.replaceAll('"', '&quot;')}</span></pre></div>
      <p>The string in its first line says what it returns, and is shown by the help of the interpreter.</p></div></div>`,
    );
    const { text } = extractPage(html, { url: 'https://docs.example/en/latest/tutorial/functions.html' });
    expect(text).toContain(code);
  });

  it('puts the cells of a row side by side', () => {
    const html = page(
      `<article><h1>Heights of the dams</h1><p>${SENTENCES[2]}</p>
      <table><tr><th>Dam</th><th>Height in metres</th></tr>
      <tr><td>Upper dam of the valley</td><td>48 metres above the river</td></tr></table><p>${SENTENCES[3]}</p></article>`,
    );
    expect(extractPage(html).text).toContain('Upper dam of the valley | 48 metres above the river');
  });

  it('finds the text of a Chinese page', () => {
    const sentences = [
      '昨夜河水上涨两米，下游村庄的道路一度中断，直到今天中午才恢复通行。',
      '六十户居民在学校体育馆过夜，志愿者乘船送来了面包和药品。',
      '工程师表示，水库大坝之所以安全，是因为闸门及时开启。',
    ];
    const html = `<html><head><title>洪水之夜_示例新闻网</title></head><body>
      <div class="nav"><a href="/">首页</a><a href="/n">新闻</a><a href="/s">体育</a></div>
      <div class="content"><h1>洪水之夜</h1>${sentences
        .map((text) => `<p>　　${text}</p>`)
        .join('')}</div><div class="footer">版权所有 示例新闻网 京ICP备12345678号</div></body></html>`;
    const { text, title } = extractPage(html);
    for (const sentence of sentences) expect(text).toContain(sentence);
    expect(text).not.toContain('版权所有');
    expect(title).toBe('洪水之夜');
  });

  it('takes the description of a product from its data where the page does not show it', () => {
    const description =
      'A kettle of brushed steel that holds two litres, with a whistle that can be heard two rooms away. The handle stays cool ' +
      'while the water boils, and the lid opens wide enough to clean the inside by hand. It works on gas, electric and ' +
      'induction stoves, and comes with a descaling brush and a guarantee of five years for all parts but the whistle.';
    const data = JSON.stringify({
      '@context': 'https://schema.org',
      '@type': 'Product',
      name: 'Kettle',
      description,
    });
    const html = page(
      '<div class="product"><h1>Kettle</h1><span class="price">$39.00</span><button>Add to cart</button></div>',
      `<script type="application/ld+json">${data}</script>`,
    );
    expect(extractPage(html, { url: 'https://shop.example/products/kettle' }).text).toContain(description);
  });

  it.each([
    ['nothing', ''],
    ['text without markup', 'only a few words'],
    ['a tag that never ends', '<div class="'],
    ['a comment that never ends', '<p>before</p><!-- after'],
    ['a script that never ends', '<p>before</p><script>let x = 1'],
    ['a tag of closing only', '</div></p></html>'],
    ['characters that are none', '<p>&#0;&#xFFFFFFFF;\uD800 \u0000 words</p>'],
    ['a broken JSON-LD', '<script type="application/ld+json">{"@type": </script><p>words</p>'],
    ['CDATA that never ends', '<body><![CDATA[<p>words after it</p>'],
  ])('takes %s for a page', (_, html) => {
    const { text, title, pageType } = extractPage(html);
    expect(typeof text).toBe('string');
    expect(typeof title).toBe('string');
    expect(pageType).toMatch(/^[a-z]+$/);
  });

  it('reads on after CDATA, which HTML does not have', () => {
    const html = page(`<![CDATA[ <article>${SENTENCES.map((text) => `<p>${text}</p>`).join('')}</article>`);
    expect(extractPage(html).text).toContain(SENTENCES[0]);
  });
});
