import { tellCoreStory } from './story.ts';

tellCoreStory('the core story on Linux 6.1', { name: 'kernel-6-1', nodes: 3, kernel: '6.1' });
