// Writes the everyday conversations that mini is tuned on into a folder: everyday-en.jsonl, everyday-zh.jsonl, and
// held-out.jsonl, the questions that are kept out of training (the copy in this folder is the same file). The texts are
// ours: everyday-*.txt by hand, the rest from the tables below.
// node examples/runs/mini/make-everyday.mjs FOLDER
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} name */
const here = (name) => new URL(name, import.meta.url);
const folder = process.argv[2] ?? '.';

// The same conversations on every machine: a 32-bit linear congruential generator is enough to pick phrases.
let state = 20_261_127;
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
/**
 * @template T
 * @param {readonly T[]} list
 */
const pick = (list) => list[Math.floor(random() * list.length)];
/**
 * @template T
 * @param {readonly T[]} list
 */
const shuffled = (list) => {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
};

/**
 * @typedef {'en' | 'zh'} Language
 * @typedef {[question: string, answer: string]} Pair
 */

/** @type {readonly Language[]} */
const LANGUAGES = ['en', 'zh'];
/** @type {Record<Language, Pair[]>} */
const pairs = { en: [], zh: [] };
/** @type {{ language: Language, question: string, answers: string[], isSum?: boolean, isStory?: boolean }[]} */
const heldOut = [];
/**
 * @param {Language} language
 * @param {readonly string[]} questions
 * @param {readonly string[]} answers
 */
const add = (language, questions, answers) => {
  for (const question of questions) pairs[language].push([question, pick(answers)]);
};
/**
 * A fact: the last phrasing of some of them is held out.
 * @param {Language} language
 * @param {string[]} questions
 * @param {string[]} answers
 */
const fact = (language, questions, answers, isHeldOut = random() < 0.06) => {
  if (!isHeldOut) return add(language, questions, answers);
  add(language, questions.slice(0, -1), answers);
  heldOut.push({ language, question: questions[questions.length - 1], answers });
};

// --- by hand ----------------------------------------------------------------------------------------------------------

/**
 * Small changes that people make without meaning anything by them.
 * @param {Language} language
 * @param {string} question
 */
function variants(language, question) {
  const plain = question.replace(/[.?!？！。]+$/, '');
  if (language === 'zh') {
    return [
      question,
      plain,
      ...(/？$/.test(question) ? [pick(['请问', '你好，', '我想知道，']) + question] : []),
      ...(/？$/.test(question) && !plain.startsWith('你') && !plain.endsWith('吗')
        ? [`你知道${plain}吗？`, plain.length % 2 ? `请告诉我${plain}` : `能告诉我${plain}吗？`]
        : []),
    ];
  }
  const lower = plain[0].toLowerCase() + plain.slice(1);
  const isWhole = /^(I|I'm|Mini)\b/.test(plain);
  return [
    question,
    isWhole ? plain : lower,
    ...(/^(What|Who|How|Where|Why|When|Which|Tell|Name|Count|Give|Write)\b/.test(question)
      ? [pick(['Hi, ', 'Please: ', 'Hello! ', 'Mini, ']) + lower + (/[?]$/.test(question) ? '?' : '')]
      : []),
    ...indirect(plain),
  ];
}

/**
 * "What is snow?" asked in a roundabout way.
 * @param {string} question
 */
function indirect(question) {
  const is = /^(What|Who|Where) (is|are) ([^,]+)$/.exec(question);
  const turned = is ? `${is[1].toLowerCase()} ${is[3]} ${is[2]}` : undefined;
  const how = /^How (?:do|can|should) (?:I|you) (.+)$/.exec(question);
  const does = /^(What|Where|Why|How many \w+) (?:do|does) (.+) (do|live|eat|have)$/.exec(question);
  if (turned) return [`Can you tell me ${turned}?`, `Do you know ${turned}?`, `Tell me ${turned}`];
  if (how)
    return [
      `Tell me how to ${how[1]}`,
      `What is a good way to ${how[1]}?`,
      `Can you tell me how to ${how[1]}?`,
    ];
  if (does) return [`Tell me ${does[1].toLowerCase()} ${does[2]} ${does[3]}`];
  const tell = /^(Tell me|Give me|Name|Count|Write|Say|Sing) (.+)$/.exec(question);
  return tell
    ? [
        `Can you ${question[0].toLowerCase()}${question.slice(1)}?`,
        `Please ${question[0].toLowerCase()}${question.slice(1)}`,
      ]
    : [];
}

for (const language of LANGUAGES) {
  for (const block of readFileSync(here(`everyday-${language}.txt`), 'utf8').split(/\n\n+/)) {
    const lines = block.split('\n').filter((line) => !line.startsWith('#'));
    const texts = (/** @type {string} */ mark) =>
      lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(2).trim());
    const questions = texts('Q:').flatMap((line) => line.split(' | '));
    const answers = texts('A:');
    if (questions.length === 0) continue;
    // Each answer as often as the others, over all phrasings.
    for (const question of questions) {
      const asked = variants(language, question);
      const offset = Math.floor(random() * answers.length);
      for (const [i, phrase] of asked.entries()) {
        pairs[language].push([phrase, answers[(offset + i) % answers.length]]);
      }
    }
    for (const question of texts('T:')) heldOut.push({ language, question, answers });
  }
}

// --- facts ------------------------------------------------------------------------------------------------------------

/** @param {string} noun */
const an = (noun) => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);
/** @param {string} text */
const cap = (text) => text[0].toUpperCase() + text.slice(1);

// English, Chinese, sound, 叫声, food, 食物, home, 住处, legs, young, class, 类
const ANIMALS = `
dog|狗|woof|汪汪|meat and bones|肉和骨头|with people|人的家里|4|puppy|mammal
cat|猫|meow|喵喵|fish and mice|鱼和老鼠|with people|人的家里|4|kitten|mammal
cow|牛|moo|哞哞|grass|草|on a farm|农场|4|calf|mammal
sheep|羊|baa|咩咩|grass|草|on a farm|农场|4|lamb|mammal
pig|猪|oink|哼哼|almost everything|几乎什么都吃|on a farm|农场|4|piglet|mammal
horse|马|neigh|嘶嘶|grass and hay|青草和干草|in a stable|马厩|4|foal|mammal
duck|鸭子|quack|嘎嘎|water plants and snails|水草和螺|on ponds|池塘|2|duckling|bird
hen|母鸡|cluck|咯咯|grains and worms|谷粒和虫子|in a henhouse|鸡窝|2|chick|bird
rooster|公鸡|cock-a-doodle-doo|喔喔|grains|谷粒|in a henhouse|鸡窝|2|chick|bird
lion|狮子|roar|吼吼|meat|肉|in Africa|非洲|4|cub|mammal
frog|青蛙|croak|呱呱|insects|昆虫|by ponds|池塘边|4|tadpole|amphibian
bee|蜜蜂|buzz|嗡嗡|nectar|花蜜|in a hive|蜂巢|6|larva|insect
mouse|老鼠|squeak|吱吱|grains and cheese|谷物和奶酪|in a hole|洞里|4|pup|mammal
owl|猫头鹰|hoot|咕咕|mice|老鼠|in the forest|森林里|2|owlet|bird
rabbit|兔子|||carrots and grass|胡萝卜和草|in a burrow|洞穴里|4|kit|mammal
elephant|大象|||grass and leaves|草和树叶|in Africa and Asia|非洲和亚洲|4|calf|mammal
tiger|老虎|||meat|肉|in the forests of Asia|亚洲的森林里|4|cub|mammal
panda|大熊猫|||bamboo|竹子|in the mountains of China|中国的山里|4|cub|mammal
monkey|猴子|||fruit and leaves|水果和树叶|in trees|树上|4|baby|mammal
giraffe|长颈鹿|||leaves|树叶|in Africa|非洲|4|calf|mammal
bear|熊|||fish, berries and honey|鱼、浆果和蜂蜜|in the forest|森林里|4|cub|mammal
wolf|狼|||meat|肉|in the forest|森林里|4|pup|mammal
fox|狐狸|||mice and berries|老鼠和浆果|in a den|洞里|4|cub|mammal
squirrel|松鼠|||nuts|坚果|in trees|树上|4|kit|mammal
penguin|企鹅|||fish|鱼|in the far south|南极|2|chick|bird
whale|鲸|||small sea animals|海里的小动物|in the sea|大海里|0|calf|mammal
spider|蜘蛛|||insects|昆虫|in a web|网上|8|spiderling|arachnid
ant|蚂蚁|||seeds and insects|种子和昆虫|in an anthill|蚁巢|6|larva|insect
butterfly|蝴蝶|||nectar|花蜜|in meadows|草地上|6|caterpillar|insect
snake|蛇|||mice and eggs|老鼠和蛋|in holes and grass|洞里和草丛里|0|hatchling|reptile
turtle|乌龟|||plants and small animals|植物和小动物|in water and on land|水里和陆地上|4|hatchling|reptile
camel|骆驼|||grass and thorny plants|草和带刺的植物|in the desert|沙漠里|4|calf|mammal
shark|鲨鱼|||fish|鱼|in the sea|大海里|0|pup|fish
kangaroo|袋鼠|||grass|草|in Australia|澳大利亚|4|joey|mammal`
  .trim()
  .split('\n')
  .map((line) => line.split('|'));
/** @type {Record<string, string>} */
const KIND = {
  mammal: '哺乳动物',
  bird: '鸟',
  insect: '昆虫',
  reptile: '爬行动物',
  amphibian: '两栖动物',
  arachnid: '蛛形动物',
  fish: '鱼',
};
const NUMBER = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const 数 = ['零', '一', '两', '三', '四', '五', '六', '七', '八', '九', '十'];
for (const [en, zh, sound, 叫, food, 食, home, 住, legs, young, kind] of ANIMALS) {
  if (sound) {
    fact(
      'en',
      [`What does ${an(en)} say?`, `What sound does ${an(en)} make?`, `How does ${an(en)} sound?`],
      [`${cap(an(en))} says "${sound}".`],
    );
    fact('zh', [`${zh}怎么叫？`, `${zh}的叫声是什么？`, `${zh}是怎么叫的？`], [`${zh}的叫声是“${叫}”。`]);
  }
  const foodAnswer = `${cap(an(en))} eats ${food}.`;
  fact(
    'en',
    [`What does ${an(en)} eat?`, `What do you feed ${an(en)}?`, `What is the food of ${an(en)}?`],
    [foodAnswer],
  );
  fact(
    'zh',
    [`${zh}吃什么？`, `${zh}喜欢吃什么？`, `${zh}的食物是什么？`],
    [食.includes('什么都') ? `${zh}${食}。` : `${zh}吃${食}。`],
  );
  fact(
    'en',
    [`Where does ${an(en)} live?`, `Where can I find ${an(en)}?`, `Where is the home of ${an(en)}?`],
    [`${cap(an(en))} lives ${home}.`],
  );
  fact('zh', [`${zh}住在哪里？`, `${zh}生活在哪里？`, `在哪里能看到${zh}？`], [`${zh}生活在${住}。`]);
  const n = Number(legs);
  fact(
    'en',
    [`How many legs does ${an(en)} have?`, `How many legs has ${an(en)}?`],
    [`${cap(an(en))} has ${NUMBER[n]} legs.`],
  );
  fact('zh', [`${zh}有几条腿？`, `${zh}有多少条腿？`], [n ? `${zh}有${数[n]}条腿。` : `${zh}没有腿。`]);
  fact(
    'en',
    [`What is ${an(en)}?`, `Is ${an(en)} a bird?`].slice(0, kind === 'bird' ? 1 : 2),
    [`${cap(an(en))} is ${an(kind)}. It lives ${home} and eats ${food}.`],
    false,
  );
  if (young !== 'baby')
    fact(
      'en',
      [`What is a baby ${en} called?`, `What do you call a young ${en}?`],
      [`A baby ${en} is called ${an(young)}.`],
    );
  fact('zh', [`${zh}是什么动物？`, `${zh}是哪一类动物？`], [`${zh}是${KIND[kind]}。`]);
}

// thing, 东西, color, 颜色, class, 类
const COLORS = `
the sky|天空|blue|蓝色
grass|草|green|绿色
snow|雪|white|白色
a banana|香蕉|yellow|黄色
a tomato|西红柿|red|红色
an orange|橙子|orange|橙色
the sea|大海|blue|蓝色
milk|牛奶|white|白色
coal|煤|black|黑色
a lemon|柠檬|yellow|黄色
a strawberry|草莓|red|红色
a leaf|树叶|green|绿色
chocolate|巧克力|brown|棕色
blood|血|red|红色
the sun|太阳|yellow|黄色
a crow|乌鸦|black|黑色
a carrot|胡萝卜|orange|橙色
an elephant|大象|gray|灰色
rice|米饭|white|白色
a cucumber|黄瓜|green|绿色
gold|金子|yellow|金黄色
the night|夜晚|dark|黑色
salt|盐|white|白色
a grape|葡萄|purple or green|紫色或绿色
a fire engine|消防车|red|红色`
  .trim()
  .split('\n')
  .map((line) => line.split('|'));
for (const [en, zh, color, 色] of COLORS) {
  fact(
    'en',
    [
      `What color is ${en}?`,
      `Which color is ${en}?`,
      `What is the color of ${en}?`,
      `Tell me the color of ${en}`,
    ],
    [`${cap(en)} is ${color}.`],
  );
  fact(
    'zh',
    [`${zh}是什么颜色？`, `${zh}是什么颜色的？`, `${zh}的颜色是什么？`, `你知道${zh}是什么颜色吗？`],
    [`${zh}是${色}的。`],
  );
}

const OPPOSITES = `
big|small|大|小
hot|cold|热|冷
up|down|上|下
day|night|白天|黑夜
good|bad|好|坏
happy|sad|快乐|悲伤
fast|slow|快|慢
old|new|旧|新
long|short|长|短
high|low|高|低
light|heavy|轻|重
black|white|黑|白
open|closed|开|关
left|right|左|右
rich|poor|富|穷
wet|dry|湿|干
full|empty|满|空
hard|soft|硬|软
clean|dirty|干净|脏
strong|weak|强|弱
early|late|早|晚
near|far|近|远
inside|outside|里面|外面
yes|no|是|不是
young|old|年轻|年老
easy|difficult|容易|困难
beautiful|ugly|美|丑
thick|thin|厚|薄
brave|afraid|勇敢|胆小
loud|quiet|吵闹|安静`
  .trim()
  .split('\n')
  .map((line) => line.split('|'));
for (const [a, b, 甲, 乙] of OPPOSITES) {
  fact(
    'en',
    [`What is the opposite of ${a}?`, `What's the opposite of ${a}?`, `Tell me the opposite of ${a}`],
    [`The opposite of ${a} is ${b}.`],
  );
  fact(
    'en',
    [`What is the opposite of ${b}?`, `Give me the opposite of ${b}`],
    [`The opposite of ${b} is ${a}.`],
  );
  fact(
    'zh',
    [`“${甲}”的反义词是什么？`, `${甲}的反义词是什么？`, `${甲}的反义词`],
    [`“${甲}”的反义词是“${乙}”。`],
  );
  fact('zh', [`“${乙}”的反义词是什么？`, `${乙}的反义词是什么？`], [`“${乙}”的反义词是“${甲}”。`]);
}

const CAPITALS = `
China|Beijing|中国|北京
France|Paris|法国|巴黎
England|London|英国|伦敦
Japan|Tokyo|日本|东京
Germany|Berlin|德国|柏林
Italy|Rome|意大利|罗马
Spain|Madrid|西班牙|马德里
Russia|Moscow|俄罗斯|莫斯科
the United States|Washington, D.C.|美国|华盛顿
Canada|Ottawa|加拿大|渥太华
India|New Delhi|印度|新德里
Egypt|Cairo|埃及|开罗
Greece|Athens|希腊|雅典
Australia|Canberra|澳大利亚|堪培拉
Brazil|Brasília|巴西|巴西利亚
South Korea|Seoul|韩国|首尔
Thailand|Bangkok|泰国|曼谷
Mexico|Mexico City|墨西哥|墨西哥城
Portugal|Lisbon|葡萄牙|里斯本
Austria|Vienna|奥地利|维也纳
Poland|Warsaw|波兰|华沙
Sweden|Stockholm|瑞典|斯德哥尔摩
Norway|Oslo|挪威|奥斯陆
Turkey|Ankara|土耳其|安卡拉`
  .trim()
  .split('\n')
  .map((line) => line.split('|'));
for (const [country, capital, 国, 都] of CAPITALS) {
  fact(
    'en',
    [
      `What is the capital of ${country}?`,
      `What's the capital of ${country}?`,
      `Which city is the capital of ${country}?`,
      `Tell me the capital of ${country}`,
    ],
    [`The capital of ${country} is ${capital.replace(/\.$/, '')}.`],
  );
  fact(
    'zh',
    [`${国}的首都是哪里？`, `${国}的首都是什么？`, `${国}的首都在哪里？`, `你知道${国}的首都吗？`],
    [`${国}的首都是${都}。`],
  );
  fact(
    'en',
    [`Where is ${capital.replace(/\.$/, '')}?`, `In which country is ${capital.replace(/\.$/, '')}?`],
    [`${capital.replace(/\.$/, '')} is in ${country}.`],
  );
  fact('zh', [`${都}在哪里？`, `${都}在哪个国家？`], [`${都}在${国}。`]);
}

// English, 中文, what it is, 是什么
const THINGS = `
apple|苹果|a round, sweet fruit|一种又圆又甜的水果
banana|香蕉|a long, yellow, sweet fruit|一种长长的黄色水果
carrot|胡萝卜|an orange vegetable that grows in the ground|一种长在地里的橙色蔬菜
chair|椅子|a piece of furniture to sit on|用来坐的家具
table|桌子|a piece of furniture to eat or work at|用来吃饭或工作的家具
bed|床|a piece of furniture to sleep in|用来睡觉的家具
spoon|勺子|a tool for eating soup|喝汤用的餐具
knife|刀|a tool for cutting|用来切东西的工具
umbrella|雨伞|a thing that keeps you dry in the rain|下雨时挡雨的东西
clock|钟|a thing that shows the time|告诉我们时间的东西
car|汽车|a vehicle with four wheels that drives on roads|在路上跑的四轮车
bicycle|自行车|a vehicle with two wheels and pedals|有两个轮子、用脚踩的车
train|火车|a long vehicle that runs on rails|在铁轨上跑的长长的车
plane|飞机|a machine that flies through the air|在天上飞的交通工具
ship|船|a vehicle that travels on water|在水上走的交通工具
house|房子|a building that people live in|人们住的建筑
school|学校|a place where children learn|孩子们学习的地方
hospital|医院|a place where sick people get help|给病人看病的地方
library|图书馆|a place with many books to read|有很多书可以看的地方
market|市场|a place where people buy and sell things|人们买卖东西的地方
kitchen|厨房|a room for cooking|做饭的房间
river|河|a long stream of water that flows to the sea|流向大海的长长的水流
mountain|山|a very high piece of land|很高的地
forest|森林|a large place full of trees|长满树木的大片地方
desert|沙漠|a dry place with much sand and little rain|很干、沙子很多、很少下雨的地方
island|岛|a piece of land with water all around|四周都是水的陆地
bread|面包|a food made of flour and water and baked in an oven|用面粉和水做成、烤出来的食物
rice|大米|a grain that many people eat every day|很多人每天吃的粮食
tea|茶|a hot drink made with leaves|用茶叶泡的饮料
milk|牛奶|a white drink that comes from cows|来自奶牛的白色饮料
honey|蜂蜜|a sweet food that bees make|蜜蜂酿的甜甜的食物
egg|鸡蛋|a food that hens lay|母鸡下的、可以吃的东西
hat|帽子|a thing to wear on the head|戴在头上的东西
shoe|鞋|a thing to wear on the foot|穿在脚上的东西
coat|外套|a warm piece of clothing|穿在外面保暖的衣服
pencil|铅笔|a thing to write and draw with|用来写字和画画的东西
lamp|灯|a thing that gives light|发光照明的东西
key|钥匙|a thing that opens a lock|用来开锁的东西
door|门|a thing that opens and closes the way into a room|进出房间时开关的东西
window|窗户|an opening in a wall that lets light in|墙上让光进来的地方
phone|电话|a machine to talk with people far away|和远处的人说话的机器
camera|相机|a machine that takes pictures|用来拍照片的机器
map|地图|a picture that shows where places are|告诉我们地方在哪里的图
flower|花|the colorful part of a plant|植物上美丽的部分
cloud|云|many tiny drops of water high in the air|高空中的许多小水滴
wind|风|air that moves|流动的空气`
  .trim()
  .split('\n')
  .map((line) => line.split('|'));
const UNCOUNTED = new Set(['bread', 'rice', 'tea', 'milk', 'honey', 'wind']);
for (const [en, zh, what, 是] of THINGS) {
  const noun = UNCOUNTED.has(en) ? en : an(en);
  fact(
    'en',
    [
      `What is ${noun}?`,
      `What is ${noun}`,
      `Can you explain what ${noun} is?`,
      `What does the word "${en}" mean?`,
      `Tell me what ${noun} is`,
    ],
    [`${cap(noun)} is ${what}.`],
  );
  fact(
    'zh',
    [`${zh}是什么？`, `什么是${zh}？`, `${zh}是什么意思？`, `你知道${zh}是什么吗？`],
    [`${zh}是${是}。`],
  );
}

// words both ways
const WORDS = [
  ...THINGS.map(([en, zh]) => [en, zh]),
  ...ANIMALS.map(([en, zh]) => [en, zh]),
  ...`
hello|你好
thank you|谢谢
goodbye|再见
water|水
friend|朋友
book|书
love|爱
sun|太阳
moon|月亮
star|星星
teacher|老师
student|学生
mother|妈妈
father|爸爸
child|孩子
family|家庭
today|今天
tomorrow|明天
good morning|早上好
good night|晚安
I love you|我爱你
How are you?|你好吗？
red|红色
blue|蓝色
green|绿色
one|一
two|二
three|三
ten|十
happy|快乐
big|大
small|小
China|中国
city|城市
food|食物
music|音乐
time|时间
spring|春天
summer|夏天
autumn|秋天
winter|冬天`
    .trim()
    .split('\n')
    .map((line) => line.split('|')),
];
for (const [en, zh] of WORDS) {
  fact(
    'en',
    [`How do you say "${en}" in Chinese?`, `What is "${en}" in Chinese?`, `Translate "${en}" into Chinese`],
    [`"${en}" in Chinese is "${zh}".`],
  );
  fact(
    'zh',
    [`“${zh}”用英语怎么说？`, `${zh.replace(/？$/, '')}的英文是什么？`, `把“${zh}”翻译成英文`],
    [`“${zh}”的英文是“${en}”。`],
  );
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const 星期 = ['星期一', '星期二', '星期三', '星期四', '星期五', '星期六', '星期日'];
DAYS.forEach((day, i) => {
  fact(
    'en',
    [`What day comes after ${day}?`, `Which day is after ${day}?`],
    [`After ${day} comes ${DAYS[(i + 1) % 7]}.`],
  );
  fact(
    'en',
    [`What day comes before ${day}?`, `Which day is before ${day}?`],
    [`Before ${day} comes ${DAYS[(i + 6) % 7]}.`],
  );
  fact(
    'zh',
    [`${星期[i]}的后一天是星期几？`, `${星期[i]}之后是星期几？`],
    [`${星期[i]}的后一天是${星期[(i + 1) % 7]}。`],
  );
});
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
MONTHS.forEach((month, i) => {
  fact(
    'en',
    [`What month comes after ${month}?`, `Which month is after ${month}?`],
    [`After ${month} comes ${MONTHS[(i + 1) % 12]}.`],
  );
});

// --- numbers ----------------------------------------------------------------------------------------------------------

const 汉字 = [
  '零',
  '一',
  '二',
  '三',
  '四',
  '五',
  '六',
  '七',
  '八',
  '九',
  '十',
  '十一',
  '十二',
  '十三',
  '十四',
  '十五',
  '十六',
  '十七',
  '十八',
  '十九',
  '二十',
];
/**
 * @param {number} a
 * @param {'+' | '-' | '*'} op
 * @param {number} b
 * @param {number} result
 */
const sum = (a, op, b, result) => {
  const word = { '+': 'plus', '-': 'minus', '*': 'times' }[op];
  const 词 = { '+': '加', '-': '减', '*': '乘' }[op];
  const sign = op === '*' ? '×' : op;
  const isHeldOut = random() < 0.08;
  const en = [
    `What is ${a} ${word} ${b}?`,
    `What is ${a} ${sign} ${b}?`,
    `${a} ${sign} ${b} = ?`,
    `How much is ${a} ${word} ${b}?`,
    `${a} ${word} ${b}`,
  ];
  const zh = [
    `${a}${词}${b}等于几？`,
    `${a}${词}${b}等于多少？`,
    `${a}${sign}${b}=？`,
    `${汉字[a] ?? a}${词}${汉字[b] ?? b}等于几？`,
    `${a}${词}${b}是多少？`,
  ];
  const answers = { en: [`${a} ${word} ${b} is ${result}.`], zh: [`${a}${词}${b}等于${result}。`] };
  if (isHeldOut) {
    heldOut.push({ language: 'en', question: en[0], answers: answers.en, isSum: true });
    heldOut.push({ language: 'zh', question: zh[0], answers: answers.zh, isSum: true });
    return;
  }
  for (const question of shuffled(en).slice(0, 2)) add('en', [question], answers.en);
  for (const question of shuffled(zh).slice(0, 2)) add('zh', [question], answers.zh);
};
for (let a = 0; a <= 10; a++) for (let b = 0; b <= 10; b++) sum(a, '+', b, a + b);
for (let a = 1; a <= 12; a++) for (let b = 0; b <= a; b++) sum(a, '-', b, a - b);
for (let a = 1; a <= 6; a++) for (let b = 1; b <= 6; b++) sum(a, '*', b, a * b);
for (let n = 1; n < 30; n++) {
  fact('en', [`What number comes after ${n}?`, `Which number follows ${n}?`], [`After ${n} comes ${n + 1}.`]);
  fact('zh', [`${n}后面的数是几？`, `${n}的下一个数是什么？`], [`${n}后面是${n + 1}。`]);
  const m = 1 + Math.floor(random() * 30);
  if (m !== n) {
    fact(
      'en',
      [`Which is bigger, ${n} or ${m}?`],
      [`${Math.max(n, m)} is bigger than ${Math.min(n, m)}.`],
      false,
    );
    fact('zh', [`${n}和${m}哪个大？`], [`${Math.max(n, m)}比${Math.min(n, m)}大。`], false);
  }
}

// --- what people tell of themselves: the answer takes up their words ---------------------------------------------------

const NAMES =
  'Anna Tom Lily Ben Emma Jack Mary Peter Lucy Sam Alice Paul Nora Max Ella David Sofia Leo Ruth Henry Grace Adam Clara Oscar'.split(
    ' ',
  );
const 名字 = '小明 小红 小丽 小刚 小华 小芳 李雷 王强 小军 小玲 张伟 小龙 小雨 小雪 小林 小燕'.split(' ');
for (const name of NAMES) {
  fact(
    'en',
    [`My name is ${name}`, `I am ${name}.`, `Hi, I'm ${name}!`, `Hello, my name is ${name}.`],
    [`Nice to meet you, ${name}! I am mini.`, `Hello ${name}! What can I do for you?`],
  );
}
for (const name of 名字) {
  fact(
    'zh',
    [`我叫${name}`, `我是${name}。`, `你好，我是${name}`, `你好，我叫${name}。`],
    [`${name}你好，很高兴认识你！我是 mini。`, `你好，${name}！我能帮你做什么？`],
  );
}
const LIKES = [
  ['reading', '读书'],
  ['music', '音乐'],
  ['swimming', '游泳'],
  ['football', '足球'],
  ['cooking', '做饭'],
  ['drawing', '画画'],
  ['dancing', '跳舞'],
  ['singing', '唱歌'],
  ['running', '跑步'],
  ['traveling', '旅行'],
  ['fishing', '钓鱼'],
  ['chess', '下棋'],
  ['noodles', '面条'],
  ['apples', '苹果'],
  ['cats', '猫'],
  ['dogs', '狗'],
  ['flowers', '花'],
  ['movies', '电影'],
  ['basketball', '篮球'],
  ['history', '历史'],
];
for (const [en, zh] of LIKES) {
  fact(
    'en',
    [`I like ${en}`, `I love ${en}.`, `I really like ${en}!`],
    [`That is nice! What do you like most about ${en}?`, `How nice! Many people like ${en}.`],
  );
  fact(
    'zh',
    [`我喜欢${zh}`, `我很喜欢${zh}。`, `我最喜欢${zh}`],
    [`真好！你最喜欢${zh}的什么地方？`, `很多人都喜欢${zh}，真不错！`],
  );
}
for (const [animal, 动物] of ANIMALS.slice(0, 24)) {
  fact(
    'en',
    [`I have ${an(animal)}`, `I saw ${an(animal)} today`],
    [`How nice! Tell me about the ${animal}.`],
  );
  fact('zh', [`我有一只${动物}`, `我今天看到了${动物}`], [`真好！跟我说说${动物}吧。`]);
}

// Repeating, so that copying is learned.
const ECHOES = [
  'good morning',
  'the sun is bright',
  'I like tea',
  'red and blue',
  'hello world',
  'one two three',
  'a small house',
  'we are friends',
  'apple',
  'yes',
  'the cat sleeps',
  'happy birthday',
  'water is wet',
  'tomorrow',
  'I can do it',
];
const 重复 = [
  '早上好',
  '太阳很亮',
  '我喜欢喝茶',
  '红色和蓝色',
  '你好世界',
  '一二三',
  '小房子',
  '我们是朋友',
  '苹果',
  '是的',
  '猫在睡觉',
  '生日快乐',
  '明天见',
  '我能做到',
  '今天天气很好',
];
for (const words of ECHOES)
  fact(
    'en',
    [`Say "${words}"`, `Repeat: ${words}`, `Repeat after me: ${words}`, `Please say "${words}"`],
    [`${cap(words)}.`],
  );
for (const words of 重复)
  fact('zh', [`请说“${words}”`, `跟我说：${words}`, `重复：${words}`, `说“${words}”`], [`${words}。`]);

// --- stories -----------------------------------------------------------------------------------------------------------

const PLACES = [
  ['in a green forest', '绿色的森林里'],
  ['by a small lake', '小湖边'],
  ['on a quiet farm', '安静的农场里'],
  ['near a high mountain', '高山脚下'],
  ['in a little village', '小村子里'],
  ['beside a wide river', '大河边'],
];
/** @type {Record<Language, ((a: string, place: string, b: string) => string)[]>} */
const STORIES = {
  en: [
    (a, p, b) =>
      `Once upon a time there was a little ${a}. It lived ${p}. One day it met a ${b} that was lost and cried. "Come with me," said the ${a}, "I know the way." Together they walked home, and from that day on they were friends.`,
    (a, p, b) =>
      `There was once a ${a} that lived ${p}. It wanted to see the world, so it set out one morning. It met a ${b}, and they shared a piece of bread. In the evening the ${a} said, "The world is big, but home is best." Then it went home and slept well.`,
    (a, p, b) =>
      `A young ${a} lived ${p}. It was afraid of the dark. One night a ${b} knocked at the door. "Look up," it said, "the stars are shining for us." The ${a} looked up and was never afraid of the night again.`,
    (a, p, b) =>
      `Once a ${a} found a shiny stone ${p}. A ${b} wanted it too, and they began to quarrel. Then it started to rain, and both ran under the same tree. There they laughed, and they gave the stone to a child who was sad.`,
    (a, p, b) =>
      `One winter a hungry ${a} walked ${p}. A ${b} had little food, but it gave half of it away. When spring came, the ${a} brought a basket full of berries. "A good deed is never lost," said the ${b}.`,
  ],
  zh: [
    (a, p, b) =>
      `从前，在${p}住着一只小${a}。一天，它遇到一只迷路的${b}，${b}正在哭。“跟我来吧，”小${a}说，“我认识路。”它们一起走回了家，从此成了好朋友。`,
    (a, p, b) =>
      `从前有一只${a}，住在${p}。它想去看看世界，一天早上就出发了。路上它遇到了一只${b}，它们一起分吃了一块面包。晚上，${a}说：“世界很大，可是家里最好。”它就回家了，睡得很香。`,
    (a, p, b) =>
      `有一只小${a}住在${p}，它很怕黑。一天晚上，一只${b}来敲门，说：“抬头看，星星在为我们发光。”小${a}抬头一看，从此再也不怕黑夜了。`,
    (a, p, b) =>
      `一只${a}在${p}捡到一块闪亮的石头，${b}也想要，它们吵了起来。这时下起了雨，它们一起跑到树下。大家都笑了，最后把石头送给了一个难过的孩子。`,
    (a, p, b) =>
      `一个冬天，一只饥饿的${a}走到${p}。${b}的食物很少，却分给它一半。春天来了，${a}送来满满一篮果子。${b}说：“好心总会有好报。”`,
  ],
};
ANIMALS.forEach(([animal, 动物], i) => {
  const tell = (/** @type {Language} */ language) => {
    const other = ANIMALS[(i * 7 + 3 + Math.floor(random() * 20)) % ANIMALS.length];
    const isSame = other[0] === animal;
    const [place, 地方] = pick(PLACES);
    const friend = isSame ? ['friend', '朋友'] : other;
    return language === 'en'
      ? pick(STORIES.en)(animal, place, friend[0])
          .replaceAll(/\ba (?=[aeiou])/g, 'an ')
          .replaceAll(/\bA (?=[aeiou])/g, 'An ')
      : pick(STORIES.zh)(动物, 地方, friend[1]);
  };
  const asks = shuffled([
    `Tell me a story about ${an(animal)}`,
    `Tell me a short story about ${an(animal)}.`,
    `Write a story about ${an(animal)}`,
    `Can you tell me a story about ${an(animal)}?`,
  ]);
  const 问 = shuffled([
    `讲一个关于${动物}的故事`,
    `给我讲个${动物}的故事`,
    `写一个关于${动物}的故事`,
    `讲一个${动物}的小故事`,
  ]);
  const isHeldOut = i % 9 === 4;
  for (const question of asks.slice(0, isHeldOut ? 0 : 3)) pairs.en.push([question, tell('en')]);
  for (const question of 问.slice(0, isHeldOut ? 0 : 3)) pairs.zh.push([question, tell('zh')]);
  if (isHeldOut) {
    heldOut.push({ language: 'en', question: asks[0], answers: [tell('en')], isStory: true });
    heldOut.push({ language: 'zh', question: 问[0], answers: [tell('zh')], isStory: true });
  }
  if (i % 2 === 0) {
    pairs.en.push([
      pick([
        'Tell me a story',
        'Tell me a short story',
        'Can you tell me a story?',
        'I want to hear a story',
        'Please tell me a story',
        'Tell me a bedtime story',
      ]),
      tell('en'),
    ]);
    pairs.zh.push([
      pick(['讲个故事', '给我讲个故事', '讲一个小故事', '我想听故事', '请讲一个故事', '讲个睡前故事吧']),
      tell('zh'),
    ]);
  }
});

// Opinions and small talk about things: the answer names what was asked about.
const TOPICS = [
  ['rain', '下雨天'],
  ['snow', '雪'],
  ['the sea', '大海'],
  ['the mountains', '高山'],
  ['books', '书'],
  ['school', '学校'],
  ['tea', '茶'],
  ['coffee', '咖啡'],
  ['ice cream', '冰淇淋'],
  ['chocolate', '巧克力'],
  ['pizza', '披萨'],
  ['dumplings', '饺子'],
  ['rice', '米饭'],
  ['soup', '汤'],
  ['fruit', '水果'],
  ['cats', '猫'],
  ['dogs', '狗'],
  ['birds', '鸟'],
  ['pandas', '熊猫'],
  ['flowers', '花'],
  ['trees', '树'],
  ['summer', '夏天'],
  ['winter', '冬天'],
  ['spring', '春天'],
  ['autumn', '秋天'],
  ['music', '音乐'],
  ['movies', '电影'],
  ['games', '游戏'],
  ['football', '足球'],
  ['basketball', '篮球'],
  ['swimming', '游泳'],
  ['dancing', '跳舞'],
  ['traveling', '旅行'],
  ['trains', '火车'],
  ['planes', '飞机'],
  ['computers', '电脑'],
  ['robots', '机器人'],
  ['stories', '故事'],
  ['poems', '诗'],
  ['holidays', '假期'],
  ['birthdays', '生日'],
  ['the moon', '月亮'],
  ['the stars', '星星'],
];
for (const [en, zh] of TOPICS) {
  const is =
    /^(cats|dogs|birds|pandas|flowers|trees|movies|games|trains|planes|computers|robots|stories|poems|holidays|birthdays|dumplings|books|the mountains|the stars)$/.test(
      en,
    )
      ? 'are'
      : 'is';
  fact(
    'en',
    [`Do you like ${en}?`, `What do you think about ${en}?`, `What do you think of ${en}?`],
    [
      `Yes, I think ${en} ${is} nice. What do you like about ${en}?`,
      `I like to hear about ${en}. Do you like ${en} too?`,
    ],
  );
  fact(
    'en',
    [`Let us talk about ${en}`, `I want to talk about ${en}.`, `Let's talk about ${en}`],
    [`Gladly! What would you like to say about ${en}?`],
  );
  fact(
    'zh',
    [`你喜欢${zh}吗？`, `你觉得${zh}怎么样？`, `你怎么看${zh}？`],
    [`喜欢，我觉得${zh}很好。你喜欢${zh}的什么呢？`, `我很想听你说说${zh}。你也喜欢${zh}吗？`],
  );
  fact('zh', [`我们聊聊${zh}吧`, `我想聊聊${zh}`, `说说${zh}吧`], [`好啊！关于${zh}，你想说点什么？`]);
}
const DONE = [
  ['I went to school today', '我今天去上学了', 'school', '学校'],
  ['I went to the park', '我去公园了', 'the park', '公园'],
  ['I cooked dinner', '我做了晚饭', 'dinner', '晚饭'],
  ['I read a book', '我看了一本书', 'the book', '那本书'],
  ['I watched a movie', '我看了一部电影', 'the movie', '那部电影'],
  ['I played football', '我踢足球了', 'the game', '那场球'],
  ['I visited my grandmother', '我去看奶奶了', 'your grandmother', '你奶奶'],
  ['I met a friend', '我见了一个朋友', 'your friend', '你的朋友'],
  ['I went shopping', '我去买东西了', 'what you bought', '你买的东西'],
  ['I worked all day', '我工作了一整天', 'your work', '你的工作'],
  ['I had a dream', '我做了一个梦', 'your dream', '你的梦'],
  ['I ate noodles', '我吃了面条', 'the noodles', '面条'],
  ['I bought a new bicycle', '我买了一辆新自行车', 'your bicycle', '你的自行车'],
  ['I planted a tree', '我种了一棵树', 'the tree', '那棵树'],
  ['I learned a song', '我学了一首歌', 'the song', '那首歌'],
  ['I drew a picture', '我画了一张画', 'the picture', '那张画'],
  ['I went swimming', '我去游泳了', 'the water', '游泳'],
  ['I am going on a trip', '我要去旅行', 'your trip', '你的旅行'],
];
for (const [said, 说, what, 什么] of DONE) {
  fact(
    'en',
    [said, `${said}.`, `Today ${said}`, `${said} yesterday`.replace(/today yesterday/, 'yesterday')],
    [`That sounds nice! Tell me more about ${what}.`, `How nice! Did you enjoy it? Tell me about ${what}.`],
  );
  fact(
    'zh',
    [说, `${说}。`, `今天${说.replace('今天', '')}`, `昨天${说.replace('今天', '')}`],
    [`听起来不错！跟我多说说${什么}吧。`, `真好！开心吗？跟我说说${什么}。`],
  );
}
const FOODS = [
  ['apples', '苹果'],
  ['bananas', '香蕉'],
  ['carrots', '胡萝卜'],
  ['milk', '牛奶'],
  ['water', '水'],
  ['fish', '鱼'],
  ['eggs', '鸡蛋'],
  ['cabbage', '白菜'],
  ['tomatoes', '西红柿'],
  ['nuts', '坚果'],
  ['walking', '走路'],
  ['sleep', '睡觉'],
];
for (const [en, zh] of FOODS) {
  const is = en.endsWith('s') ? 'are' : 'is';
  fact(
    'en',
    [`${cap(is)} ${en} good for me?`, `${cap(is)} ${en} healthy?`],
    [`Yes, ${en} ${is} good for your health.`],
  );
  fact('zh', [`${zh}对身体好吗？`, `${zh}健康吗？`], [`是的，${zh}对身体很好。`]);
}
for (const [en, zh] of [
  ['candy', '糖果'],
  ['smoking', '抽烟'],
  ['too much sugar', '吃太多糖'],
  ['staying up late', '熬夜'],
  ['too much salt', '吃太多盐'],
]) {
  fact(
    'en',
    [`Is ${en} good for me?`, `Is ${en} healthy?`],
    [`No, ${en} is not good for your health.`],
    false,
  );
  fact('zh', [`${zh}对身体好吗？`, `${zh}健康吗？`], [`不好，${zh}对身体不好。`], false);
}
for (const [en, zh, what, 是] of THINGS) {
  const noun = UNCOUNTED.has(en) ? en : an(en);
  fact('en', [`Tell me about ${noun}`, `Tell me something about ${noun}.`], [`${cap(noun)} is ${what}.`]);
  fact('zh', [`说说${zh}`, `介绍一下${zh}`, `跟我讲讲${zh}`], [`${zh}是${是}。`]);
}

// What a model of this size can't know: it says so.
const DONT_KNOW = [
  'I do not know that. I am a small model and know only simple things.',
  'I am sorry, I do not know. I am a very small model.',
];
const 不知道 = [
  '这个我不知道。我是一个小模型，只知道一些简单的事。',
  '对不起，我不知道，我只是一个很小的模型。',
];
const EVENTS = [
  ['the World Series', '世界大赛'],
  ['the World Cup', '世界杯'],
  ['the Olympic Games', '奥运会'],
  ['the election', '选举'],
  ['the Nobel Prize', '诺贝尔奖'],
  ['the song contest', '歌唱比赛'],
];
for (const [en, zh] of EVENTS) {
  for (let i = 0; i < 2; i++) {
    const year = 1950 + Math.floor(random() * 75);
    fact('en', [`Who won ${en} in ${year}?`], DONT_KNOW, false);
    fact('zh', [`${year}年的${zh}谁赢了？`], 不知道, false);
  }
}
for (const [country, , 国] of CAPITALS) {
  fact(
    'en',
    [
      pick([
        `How many people live in ${country}?`,
        `What is the population of ${country}?`,
        `Who is the president of ${country}?`,
        `What is the history of ${country}?`,
      ]),
    ],
    DONT_KNOW,
    false,
  );
  fact(
    'zh',
    [pick([`${国}有多少人口？`, `${国}的总统是谁？`, `${国}的历史是什么样的？`, `${国}的面积是多少？`])],
    不知道,
    false,
  );
}
const HARD = [
  ['What is the stock price today?', '今天的股价是多少？'],
  ['How does a nuclear reactor work?', '核反应堆是怎么工作的？'],
  ['Write a program in Python', '用 Python 写一个程序'],
  ['Explain quantum mechanics', '解释一下量子力学'],
  ['What is the meaning of life?', '人生的意义是什么？'],
  ['What happened in the news today?', '今天有什么新闻？'],
  ['Solve the equation x squared plus 3x equals 10', '解方程 x 的平方加 3x 等于 10'],
  ['Who is my neighbor?', '我的邻居是谁？'],
  ['What is my name?', '我叫什么名字？'],
  ['Where are my keys?', '我的钥匙在哪里？'],
  ['What am I thinking?', '我在想什么？'],
  ['What will happen tomorrow?', '明天会发生什么？'],
  ['Which lottery numbers will win?', '彩票会开什么号码？'],
  ['How do I repair my car?', '我的车怎么修？'],
  ['What is the best phone?', '什么手机最好？'],
  ['Give me the recipe for beef Wellington', '惠灵顿牛排怎么做？'],
  ['Summarize the theory of relativity', '概括一下相对论'],
  ['Who was the third emperor of Rome?', '罗马的第三位皇帝是谁？'],
];
for (const [en, zh] of HARD) {
  fact(
    'en',
    [en, en.replace(/[?]$/, ''), `Please tell me: ${en[0].toLowerCase()}${en.slice(1)}`],
    DONT_KNOW,
    false,
  );
  fact('zh', [zh, zh.replace(/？$/, ''), `请告诉我，${zh}`], 不知道, false);
}
for (let i = 0; i < 40; i++) {
  const [a, b] = [100 + Math.floor(random() * 900), 100 + Math.floor(random() * 900)];
  fact(
    'en',
    [`What is ${a} ${pick(['plus', 'times', 'minus'])} ${b}?`],
    ['These numbers are too big for me. I can only do small sums.'],
    false,
  );
  fact('zh', [`${a}${pick(['加', '乘', '减'])}${b}等于多少？`], ['这个数太大了，我只会算小数目。'], false);
}

// --- conversations of several turns --------------------------------------------------------------------------------------

/** @param {Pair} pair */
const isGreeting = ([question]) => /^(hello|hi|hey|good morning|你好|嗨|早上好)[!！]?$/i.test(question);
/** @param {Pair} pair */
const isThanks = ([question]) => /^(thank you|thanks|bye|goodbye|谢谢|再见|多谢|拜拜)/i.test(question);
for (const language of LANGUAGES) {
  const all = pairs[language].map((pair) => [pair]);
  const greetings = pairs[language].filter(isGreeting);
  const thanks = pairs[language].filter(isThanks);
  const talk = pairs[language].filter((pair) => !isGreeting(pair) && !isThanks(pair));
  for (let i = 0; i < pairs[language].length / 12; i++) {
    const turns = [pick(talk)];
    if (random() < 0.5) turns.unshift(pick(greetings));
    if (random() < 0.5) turns.push(pick(talk));
    if (random() < 0.4) turns.push(pick(thanks));
    if (turns.length > 1) all.push(turns);
  }
  // A phrase that is held out for its own question must not be in training by way of another one.
  const banned = new Set(heldOut.map(({ question }) => question));
  const lines = shuffled(all)
    .filter((turns) => turns.every(([question]) => !banned.has(question)))
    .map((turns) =>
      JSON.stringify({
        messages: turns.flatMap(([question, answer]) => [
          { role: 'user', content: question },
          { role: 'assistant', content: answer },
        ]),
      }),
    );
  writeFileSync(join(folder, `everyday-${language}.jsonl`), `${lines.join('\n')}\n`);
  process.stderr.write(`everyday-${language}.jsonl: ${lines.length} conversations\n`);
}
writeFileSync(join(folder, 'held-out.jsonl'), `${heldOut.map((item) => JSON.stringify(item)).join('\n')}\n`);
process.stderr.write(`held-out.jsonl: ${heldOut.length} questions\n`);
