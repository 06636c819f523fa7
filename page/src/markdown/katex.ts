import katex from 'katex';
import 'katex/dist/katex.css';

export { katex };
