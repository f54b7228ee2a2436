export { type ChatDatasetOptions, type ChatSample, chatDataset } from './chat-dataset.js';
export type { TrainOn } from './chat-labels.js';
export type { ChatMessage } from './chat-template.js';
export { loadTokenizer } from './load-tokenizer.js';
export { type ChatText, type RenderChatOptions, renderChat } from './render-chat.js';
export type { TextTokenizer } from './text-tokenizer.js';
