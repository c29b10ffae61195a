import { tellCoreStory } from './story.ts';

tellCoreStory('the core story on Linux 7.2', { name: 'kernel-7-2', nodes: 2, kernel: '7.2' });
